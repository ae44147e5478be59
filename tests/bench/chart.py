"""What bench.py has measured, for people: chart.py RESULT [--json=FILE] [--merge=FILE] [--svg=FILE] [--doc=FILE] prints the
table; writes the result, also with the rows of an earlier one (--merge) that were not measured now; draws it; and puts
table and picture between the marks in a document. The table comes first: what then cannot be written is said, and the
status is 2. With --check instead of RESULT nothing is done but to see whether all of them can be read and written.
"""
import argparse
import html
import json
import os
import re
import sys

# Of middle lightness: read as well on white as on black, also where the style below is not honoured.
INK, FAINT, MET, MISSED, PLAIN = "#767676", "#9a9a9a", "#2a9d57", "#d9542b", "#5b8bd0"
STYLE = """<style>text{font:13px system-ui,sans-serif;fill:#767676}.h{font-weight:600;font-size:15px}.n{font-variant-numeric:tabular-nums}
@media(prefers-color-scheme:dark){text{fill:#b8bcc2}}@media(prefers-color-scheme:light){text{fill:#3c4148}}</style>"""


def amount(value, unit):
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns")):
            if abs(value) * factor >= 0.9995 or name == "ns":
                return f"{value * factor:#.3g} {name}".replace(". ", " ")
    if unit in ("1/s", "calls"):
        return f"{value:.0f}" + ("/s" if unit == "1/s" else "")
    return f"{value:#.3g} {unit}".replace(". ", " ")


def judged(line):
    return line["ratio"] if "ratio" in line else line["ours"]


def target(line):
    most, least = line["most"], line["least"]
    if most is not None and least is not None:
        return f"{least:.2f}–{most:.2f}"
    unit = "" if "ratio" in line else " " + line["unit"]
    return f"≤ {most:.2f}{unit}" if most is not None else f"≥ {least:.2f}{unit}" if least is not None else ""


def verdict(line):
    return {True: "met", False: "MISSED", None: ""}[line.get("met")]


def cells(line):
    paired = "ratio" in line
    return [line["name"], amount(line["ours"], line["unit"]), amount(line["theirs"], line["unit"]) if paired else "",
            f"{line['ratio']:.3f}" if paired else "", f"{line['p25']:.3f}–{line['p75']:.3f}" if paired else "",
            f"{line['cpu_ratio']:.3f}" if "cpu_ratio" in line else "", target(line), verdict(line)]


HEAD = ["row", "ours", "theirs", "ratio", "middle half", "cpu ratio", "target", ""]


def lines_of(result):
    return [line for row in result["rows"] for line in row["lines"]]


def table(result):
    rows = [HEAD] + [cells(line) for line in lines_of(result)]
    widths = [max(len(cell[column]) for cell in rows) for column in range(len(HEAD))]
    text = "\n".join("  ".join(cell.ljust(width) if column in (0, len(HEAD) - 1) else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)
    for row in result["not_run"]:
        text += f"\n{row['name']}: {'skipped' if row['skipped'] else 'COULD NOT BE RUN'}: {row['why']}"
    text += "".join(f"\n\n{words}" for words in of_earlier_runs(result))
    aims = [line for line in lines_of(result) if "met" in line]
    missed = [line["name"] for line in aims if not line["met"]]
    if aims:
        text += f"\n\nof {len(aims)} target{'s' if len(aims) > 1 else ''} measured {len(missed) or 'none'} {'is' if len(missed) < 2 else 'are'} missed"
    return text + (": " + ", ".join(missed) if missed else "") + "\n"


def where(machine):
    quick = ", --quick" if machine["quick"] else ""
    bubblewrap = "bubblewrap " + machine["bubblewrap"] if machine["bubblewrap"] else "no bubblewrap"
    return f"{machine['date']}, Linux {machine['kernel']}, {machine['processors']} × {machine['processor']}, {bubblewrap}{quick}"


def of_earlier_runs(result):
    """A line for each run that rows were merged from."""
    runs = {}
    for row in result["rows"]:
        if "machine" in row:
            runs.setdefault(where(row["machine"]), []).append(row["name"])
    return [f"Of an earlier run ({run}): {', '.join(names)}." for run, names in runs.items()]


def markdown(result, picture):
    text = " ".join([f"Measured {where(result['machine'])}.", *of_earlier_runs(result)]) + f"\n\n![Start-up times, and each target]({picture})\n\n"
    text += "| what | ours | theirs | ratio (middle half) | CPU ratio | target | |\n|---|---:|---:|---:|---:|---:|---|\n"
    for line in lines_of(result):
        name, ours, theirs, ratio, spread, cpu, goal, word = cells(line)
        text += f"| `{name}`: {line['what']} | {ours} | {theirs} | {ratio}{f' ({spread})' if spread else ''} | {cpu} | {goal} | "
        text += f"{'**missed**' if word == 'MISSED' else word} |\n"
    for row in result["not_run"]:
        text += f"\nNot measured: `{row['name']}`: {row['why']}.\n"
    return text


class Drawing:
    WIDTH, LEFT, RIGHT, STEP = 780, 170, 160, 22

    def __init__(self):
        self.parts, self.y = [], 10

    def text(self, x, y, words, anchor="start", kind=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}" class="{kind}">{html.escape(words)}</text>')

    def title(self, words):
        self.y += 24
        self.text(10, self.y - 4, words, kind="h")
        self.y += 8

    def bar(self, name, share, colour, words):
        wide = (self.WIDTH - self.LEFT - self.RIGHT) * min(share, 1)
        self.text(self.LEFT - 8, self.y + 14, name, "end")
        self.parts.append(f'<rect x="{self.LEFT}" y="{self.y + 3}" width="{max(wide, 1):.1f}" height="{self.STEP - 7}" rx="2" fill="{colour}"/>')
        self.text(self.WIDTH - self.RIGHT + 10, self.y + 14, words + (" →" if share > 1 else ""), kind="n")
        self.y += self.STEP

    def rule(self, share, top, words):
        x = self.LEFT + (self.WIDTH - self.LEFT - self.RIGHT) * share
        self.parts.append(f'<path d="M{x:.1f} {top}V{self.y}" stroke="{INK}" stroke-width="1.5" stroke-dasharray="4 3"/>')
        self.text(x, self.y + 14, words, "middle")

    def svg(self, title):
        height = self.y + 26
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.WIDTH} {height}" width="{self.WIDTH}" height="{height}" '
                f'role="img"><title>{html.escape(title)}</title>{STYLE}\n' + "\n".join(self.parts) + "\n</svg>\n")


def draw(result):
    drawing = Drawing()
    rows = {row["name"]: row for row in result["rows"]}
    if "start" in rows:
        medians = sorted(rows["start"]["medians"].items(), key=lambda item: item[1])
        # One that takes far longer than the others would leave nothing of them to see.
        most = max(value for name, value in medians if name in ("ajail", "bubblewrap", "floor")) * 2
        drawing.title("From the call to the end of `true`, wall time")
        for name, value in medians:
            drawing.bar({"exec": "no sandbox at all", "floor": "the least it takes"}.get(name, name), value / most,
                        {"ajail": PLAIN}.get(name, FAINT), amount(value, "s"))
    aims = [line for line in lines_of(result) if line["most"] is not None or line["least"] is not None]
    if aims:
        drawing.title("Each target: shorter is better")
        top, wide = drawing.y, 1.6
        for line in aims:
            value = judged(line)
            share = value / line["most"] if line["most"] is not None else line["least"] / value
            if line["most"] is not None and line["least"] is not None:
                share = max(share, line["least"] / value)
            mark = "✓" if line["met"] else "✗"
            drawing.bar(line["name"], share / wide, MET if line["met"] else MISSED, f"{mark} {value:.3f} ({target(line)})")
        drawing.rule(1 / wide, top, "target")
    return drawing.svg("ajail's speed: " + where(result["machine"]))


def merged(result, earlier):
    """The rows in the order that bench.py has them in. One of EARLIER's says where it was measured."""
    names = [row["name"] for row in result["rows"] + result["not_run"]]
    for part in ("rows", "not_run"):
        result[part] += [{"machine": earlier["machine"], **row} for row in earlier[part] if row["name"].split(",")[0] not in names]
    for part in ("rows", "not_run"):
        result[part].sort(key=lambda row: result["order"].index(row["name"]) if row["name"] in result["order"] else len(result["order"]))
    return result


class Unusable(Exception):
    """A file that cannot be read or written as it should; says which, and why."""


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise Unusable(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def write(path, text):
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Unusable(f"cannot write {path}: {error.strerror}") from error


def result_of(path):
    """A result, as --json has written it: all that is made of it can be made."""
    try:
        result = json.loads(read(path))
        table(result)
        draw(result)
        markdown(result, "")
        return result
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise Unusable(f"{path} is no result that --json has written") from error


def put(doc, text):
    new, count = re.subn(r"(<!-- bench: begin -->\n).*?(<!-- bench: end -->)", lambda match: match[1] + text + match[2], read(doc), flags=re.S)
    if count != 1:
        raise Unusable(f"{doc} has no marks `bench: begin` and `bench: end`")
    return new


def check_writable(path):
    place = path if os.path.exists(path) else os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.path.isdir(os.path.dirname(os.path.abspath(path))) or not os.access(place, os.W_OK):
        raise Unusable(f"cannot write {path}")


def picture_of(doc):
    return os.path.splitext(doc)[0] + ".svg"


def check(options):
    for path in filter(None, (options.json, options.svg, options.doc, options.doc and picture_of(options.doc))):
        check_writable(path)
    if options.merge:
        result_of(options.merge)
    if options.doc:
        put(options.doc, "")


def show(options):
    result, wrong = result_of(options.result), []

    def attempt(step):
        try:
            step()
        except Unusable as error:
            wrong.append(error)
    if options.merge:
        attempt(lambda: merged(result, result_of(options.merge)))
    print(table(result), end="", flush=True)
    if options.json:
        attempt(lambda: write(options.json, json.dumps(result, indent=1) + "\n"))
    if options.svg:
        attempt(lambda: write(options.svg, draw(result)))
    if options.doc and not wrong:  # a document is not to lose rows
        picture = picture_of(options.doc)
        attempt(lambda: write(picture, draw(result)))
        attempt(lambda: write(options.doc, put(options.doc, markdown(result, os.path.basename(picture)))))
    for error in wrong:
        print(f"bench.sh: {error}", file=sys.stderr)
    return 2 if wrong else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("result", nargs="?")
    parser.add_argument("--check", action="store_true")
    for option in ("--json", "--merge", "--svg", "--doc"):
        parser.add_argument(option)
    options = parser.parse_args()
    try:
        if options.check:
            check(options)
            return 0
        return show(options)
    except Unusable as error:
        print(f"bench.sh: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
