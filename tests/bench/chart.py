"""What bench.py has measured, for people: chart.py RESULT [--json=FILE] [--merge=FILE] [--svg=FILE] [--doc=FILE] prints the
table; writes the result, also with the rows of an earlier one (--merge) that were not measured now; draws it; and puts
table and picture between the marks in a document.
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
    missed = [line["name"] for line in lines_of(result) if line.get("met") is False]
    return text + f"\n\n{'missed: ' + ', '.join(missed) if missed else 'no target is missed'}\n"


def where(machine):
    quick = ", --quick" if machine["quick"] else ""
    return (f"{machine['date']}, Linux {machine['kernel']}, {machine['processors']} × {machine['processor']}, "
            f"bubblewrap {machine['bubblewrap']}{quick}")


def markdown(result, picture):
    text = f"Measured {where(result['machine'])}.\n\n![Start-up times, and each target]({picture})\n\n"
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
        self.text(self.WIDTH - self.RIGHT + 10, self.y + 14, words, kind="n")
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
                        {"ajail": PLAIN}.get(name, FAINT), amount(value, "s") + (" →" if value > most else ""))
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
            drawing.bar(line["name"], share / wide, MET if line["met"] else MISSED, f"{mark} {value:.2f} ({target(line)})")
        drawing.rule(1 / wide, top, "target")
    return drawing.svg("ajail's speed: " + where(result["machine"]))


def merged(result, earlier):
    """The rows in the order that bench.py has them in."""
    names = [row["name"] for row in result["rows"] + result["not_run"]]
    for part in ("rows", "not_run"):
        result[part] += [row for row in earlier[part] if row["name"].split(",")[0] not in names]
    for part in ("rows", "not_run"):
        result[part].sort(key=lambda row: result["order"].index(row["name"]) if row["name"] in result["order"] else len(result["order"]))
    return result


def put(doc, text):
    with open(doc, encoding="utf-8") as file:
        old = file.read()
    new, count = re.subn(r"(<!-- bench: begin -->\n).*?(<!-- bench: end -->)", lambda match: match[1] + text + match[2], old, flags=re.S)
    if count != 1:
        sys.exit(f"chart.py: {doc} has no marks `bench: begin` and `bench: end`")
    with open(doc, "w", encoding="utf-8") as file:
        file.write(new)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("result")
    for option in ("--json", "--merge", "--svg", "--doc"):
        parser.add_argument(option)
    options = parser.parse_args()
    with open(options.result, encoding="utf-8") as file:
        result = json.load(file)
    if options.merge:
        with open(options.merge, encoding="utf-8") as file:
            result = merged(result, json.load(file))
    print(table(result), end="")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    svg = options.svg or (options.doc and os.path.splitext(options.doc)[0] + ".svg")
    if svg:
        with open(svg, "w", encoding="utf-8") as file:
            file.write(draw(result))
    if options.doc:
        put(options.doc, markdown(result, os.path.basename(svg)))


if __name__ == "__main__":
    main()
