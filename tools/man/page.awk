# One manual page, as roff for man(7), out of the chapters of a Markdown file; called by make, with the file twice: all
# links are known before the first one is written.
#
#   page     ajail, ajail-mkfs, ajail-bwrap, ajail-policy
#   number   the manual's section
#   summary  for whatis(1); date, version: for the footer
#
# Of Markdown there is what the chapters have: headings, paragraphs, indented text, lists, tables, code, bold, links.

BEGIN {
    # Headings that have a section of their own in a page, wherever they stand.
    own["Exit status"] = "EXIT STATUS"
    own["Environment"] = "ENVIRONMENT"
    own["What is kept where"] = "FILES"
}

function upper_first(s) { return toupper(substr(s, 1, 1)) substr(s, 2) }
function bare(s) { gsub(/[`*]/, "", s); return s }
function anchor(s) { s = tolower(bare(s)); gsub(/[^a-z0-9 _-]/, "", s); gsub(/ /, "-", s); return s }

# Which page a chapter (## ...) is in.
function page_of(chapter) {
    if (policy) return chapter == "How it was tested" ? "" : "ajail-policy"
    if (chapter == "Installing") return ""
    return chapter == "ajail mkfs" || chapter == "ajail bwrap" ? "ajail-" substr(chapter, 7) : "ajail"
}

# Text for roff, as it is. `-` must be the character of an option, not a hyphen.
function plain(s) {
    gsub(/\\/, "\\e", s)
    gsub(/-/, "\\-", s)
    gsub(/~/, "\\(ti", s)
    gsub(/\^/, "\\(ha", s)
    gsub(/`/, "\\(ga", s)
    gsub(/'/, "\\(aq", s)
    return s
}
function font(name, s) { return "\\f" name s "\\fR" }

# A link: TEXT and where it leads.
function link(text, to,    at, file, name, title) {
    at = index(to, "#")
    file = at ? substr(to, 1, at - 1) : to
    name = at ? substr(to, at + 1) : ""
    if (file == "security.md" || (file == "" && policy)) {
        if (!policy) return font("B", "ajail\\-policy") "(7)"
        return prose(text)
    }
    if (file == "" && (name in title_of)) {
        title = title_of[name]
        # Or how it begins.
        if (index(tolower(title), tolower(bare(text))) == 1 || text == "above") text = font("I", plain(title))
        else text = prose(text) " (see " font("I", plain(title)) ")"
        if (where_of[name] == page) return text
        return font("B", plain(where_of[name])) "(1)"
    }
    if (file == "manual.md") return prose(text) " (see " font("B", "ajail") "(1))"
    if (file ~ /^\.\.\//) return plain(substr(file, 4)) " in the sources"
    return prose(text) " (" plain("share/doc/ajail/docs/" file) " where ajail is installed)"
}

# A line of prose: code and bold are bold, links are told.
function prose(s,    out, at, end, mid) {
    out = ""
    while (match(s, /`|\*\*|\[[^]]*\]\([^)]*\)/)) {
        out = out plain(substr(s, 1, RSTART - 1))
        if (substr(s, RSTART, 1) == "[") {
            mid = substr(s, RSTART, RLENGTH)
            s = substr(s, RSTART + RLENGTH)
            at = index(mid, "](")
            out = out link(substr(mid, 2, at - 2), substr(mid, at + 2, length(mid) - at - 2))
            continue
        }
        mid = substr(s, RSTART, RLENGTH)
        s = substr(s, RSTART + RLENGTH)
        end = index(s, mid)
        if (!end) { out = out plain(mid); continue }
        out = out font("B", mid == "`" ? plain(substr(s, 1, end - 1)) : prose(substr(s, 1, end - 1)))
        s = substr(s, end + length(mid))
    }
    return out plain(s)
}

function put(line) { text[section] = text[section] line "\n" }
# Text; a line that begins with a dot would be a request.
function put_text(s) { put(s ~ /^[.']/ ? "\\&" s : s) }
function say(s) { put_text(prose(s)) }
function macro(s) { gsub(/"/, "\\(dq", s); return "\"" s "\"" }

function flush(    entry) {
    if (para == "") return
    # In a list the first line is its bullet's.
    if (bullet) {
        put(".IP \\(bu 2")
        bullet = 0
        in_list = 1
    } else paragraph()
    say(para)
    para = ""
}
# Not right behind a heading, which begins one.
function paragraph() { if (text[section] != "" && text[section] !~ /(^|\n)\.SS [^\n]*\n$/) put(".PP") }
function end_code() { if (code) put(".EE\n.RE"); code = 0 }
function end_block() { flush(); end_code(); table = 0; in_list = 0 }

# A section of the page, which may have been begun before.
function enter(name) {
    section = name
    if (!(name in text)) order[++sections] = name
}

function heading(level, title,    up) {
    end_block()
    if (level == 2) {
        chapter = title
        here = page_of(title) == page
        side = 0
        if (!here) return
        if (title in own) enter(own[title])
        else if (page == "ajail-" substr(title, 7)) enter("DESCRIPTION")
        else if (title == "ajail run") enter("OPTIONS")
        else enter(toupper(bare(title)))
        return
    }
    if (!here) return
    # What stands behind a chapter with a section of its own goes on where that was left.
    if (side && level <= side) { section = back; side = 0 }
    if (title in own) { back = section; side = level; enter(own[title]); return }
    if (page == "ajail-mkfs" || page == "ajail-bwrap") { enter(toupper(bare(title))); return }
    put(".SS " macro(plain(bare(title))))
}

function cells(line,    n, i) {
    gsub(/\\\|/, "\001", line)
    sub(/^\| */, "", line)
    sub(/ *\| *$/, "", line)
    n = split(line, cell, / *\| */)
    for (i = 1; i <= n; ++i) gsub(/\001/, "|", cell[i])
    return n
}

# A row is an entry: its head, and below it the rest.
function row(line,    n, i, body) {
    n = cells(line)
    if (table == 1) {
        for (i = 1; i <= n; ++i) head[i] = cell[i]
        columns = n
        if (head[1] == "option") {
            if (section == "DESCRIPTION" && page != "ajail") enter("OPTIONS")
            if (head[2] != "what it does") put(".SS " macro(plain(upper_first(head[2]))))
        } else if (n == 2 && head[2] != "" && head[2] != "what it does") {
            paragraph()
            say(upper_first(head[1] == "" ? "what" : head[1]) ", and " head[2] ":")
        }
        return
    }
    if (table == 2) return
    body = cell[2]
    if (columns > 2) {
        body = ""
        for (i = 2; i <= columns; ++i) body = body (i > 2 ? "; " : "") (head[i] == "" ? "" : head[i] ": ") cell[i]
    }
    if (body == "" && cell[1] == "`--help`") body = "Prints the options."
    if (body == "" && cell[1] == "`--version`") body = "Prints the version."
    if (body == "" && cell[1] == "`--verbose`") body = "Says on stderr what is done."
    put(".TP")
    if (cell[1] == "") cell[1] = "\\&"
    say(cell[1])
    say(body == "" ? "The same." : body)
}

FNR == 1 { ++pass; policy = page == "ajail-policy"; enter("DESCRIPTION"); here = 1; chapter = "" }
pass == 1 {
    if (match($0, /^##+ /)) {
        title = substr($0, RLENGTH + 1)
        if (RLENGTH == 3) in_page = page_of(title)
        a = anchor(title)
        if (!(a in title_of)) { title_of[a] = bare(title); where_of[a] = in_page }
    }
    next
}
/^# / { here = policy || page == "ajail"; next }
match($0, /^##+ /) { heading(RLENGTH - 1, substr($0, RLENGTH + 1)); next }
!here { next }
/^$/ { flush(); end_code(); table = 0; blank = 1; next }
/^\|/ {
    if (!table) end_block()
    ++table
    row($0)
    next
}
# Indented text, but in a list, where it goes on.
/^    / && !in_list && para == "" {
    if (!code && !(section == "DESCRIPTION" && !policy && !synopsis)) { paragraph(); put(".RS 4\n.EX"); code = 1 }
    if (!code) { lines[++synopses] = substr($0, 5); next }
    put_text(plain(substr($0, 5)))
    next
}
/^\* / { flush(); end_code(); bullet = 1; para = substr($0, 3); blank = 0; next }
{
    if (synopses) synopsis = 1
    if (blank && !/^  /) in_list = 0
    blank = 0
    sub(/^ +/, "")
    para = para (para == "" ? "" : " ") $0
}

function section_out(name) { if (name in text && text[name] != "") { printf ".SH %s\n%s", macro(plain(name)), text[name]; done[name] = 1 } }
END {
    end_block()
    printf ".\\\" Made of docs/%s by tools/man.\n", policy ? "security.md" : "manual.md"
    printf ".TH %s %s %s %s\n", plain(toupper(page)), number, date, macro("ajail " version)
    printf ".SH NAME\n%s \\- %s\n", plain(page), plain(summary)
    if (synopses) {
        print ".SH SYNOPSIS\n.nf"
        for (i = 1; i <= synopses; ++i) print plain(lines[i])
        print ".fi"
    }
    section_out("DESCRIPTION")
    section_out("OPTIONS")
    for (i = 1; i <= sections; ++i)
        if (order[i] !~ /^(EXIT STATUS|ENVIRONMENT|FILES|DESCRIPTION|OPTIONS)$/) section_out(order[i])
    section_out("EXIT STATUS")
    section_out("ENVIRONMENT")
    section_out("FILES")
    print ".SH SEE ALSO"
    n = split("ajail(1) ajail-bwrap(1) ajail-mkfs(1) ajail-policy(7)" see, also, " ")
    for (i = 1; i <= n; ++i) {
        at = index(also[i], "(")
        if (substr(also[i], 1, at - 1) == page) continue
        printf "%s.BR %s %s", first++ ? " ,\n" : "", plain(substr(also[i], 1, at - 1)), substr(also[i], at)
    }
    print ""
}
