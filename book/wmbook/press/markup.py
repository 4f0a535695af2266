"""The book's Markdown as Typst, as far as the report uses it.

What a text may contain is what :data:`BLOCKS`, :data:`INLINES`, :data:`ROLES` and :data:`DIRECTIVES` list; anything
else is an error, so that nothing is lost on the way. (Pandoc does not read MyST: its roles stay text, its directives
are torn up, and its formulas come without the description that PDF/UA asks for.)
"""

from __future__ import annotations

import json
import re

from wmbook.press.mathematics import typst_math
from wmbook.records.values import lookup, setting
from wmbook.show.claims import measured
from wmbook.show.report_tables import record_table
from wmlib.errors import UserError

ESCAPED = re.compile(r"([\\#$*_`<>@~\[\]/])")
OPTION = re.compile(r":([\w-]+):\s*(.*)")


def parse(text: str):
    """The text's syntax tree, read as MyST reads it."""
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode
    from mdit_py_plugins.colon_fence import colon_fence_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.myst_role import myst_role_plugin

    parser = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, allow_labels=True)
    parser.use(myst_role_plugin).use(colon_fence_plugin)
    return SyntaxTreeNode(parser.parse(text))


def to_typst(text: str) -> str:
    """Typst markup of a text in the book's Markdown.

    Raises:
        UserError: the text uses something that the paper has no counterpart for.
    """
    return blocks(parse(text).children)


# --- blocks ----------------------------------------------------------------------------------------------------------


def blocks(nodes) -> str:
    """Typst markup of block nodes, one after the other."""
    return "\n".join(_find(BLOCKS, node.type, "block")(node) for node in nodes)


def _find(table: dict, name: str, kind: str):
    if name not in table:
        raise UserError(f"book/report.md: the paper knows no {kind} {name!r}; it knows {', '.join(table)}")
    return table[name]


def _heading(node) -> str:
    return f"{'=' * (int(node.tag[1]) - 1)} {inline(node)}\n"


def _equation(node) -> str:
    label = f" <{node.info}>" if node.type == "math_block_label" else ""
    return f"{_formula(node, 'block: true, ')}{label}\n"


def _formula(node, kind: str = "") -> str:
    """A formula that is read out as it is written in LaTeX."""
    latex = json.dumps(" ".join(node.content.split()), ensure_ascii=False)
    return f"#formula({kind}alt: {latex}, ${typst_math(node.content)}$)"


def _table(node, caption: str = "", label: str = "") -> str:
    head, *body = (row for part in node.children for row in part.children)
    cells = [[f"[{inline(cell)}]" for cell in row.children] for row in (head, *body)]
    styles = [cell.attrs.get("style", "") for cell in head.children]
    align = ", ".join("right" if "right" in style else "left" for style in styles)
    lines = [f"columns: {len(styles)}, align: ({align},)", "table.hline()", f"table.header({', '.join(cells[0])})"]
    lines += ["table.hline(stroke: 0.4pt)", *(", ".join(row) for row in cells[1:]), "table.hline()"]
    body = "table(\n  " + ",\n  ".join(lines) + ",\n)"
    return _figure(body, caption, label, "kind: table, ")


def _fence(node) -> str:
    """A directive: its name and argument, its options, its content."""
    name, _, argument = node.info.partition(" ")
    lines = node.content.splitlines()
    options = {}
    while lines and (match := OPTION.fullmatch(lines[0])):
        options[match[1]] = match[2]
        lines.pop(0)
    return _find(DIRECTIVES, name.strip("{}"), "directive")(argument.strip(), options, "\n".join(lines).strip())


def _picture(path: str, options: dict, caption: str) -> str:
    picture = f'image("/book/{path}", width: 100%, alt: {json.dumps(options["alt"], ensure_ascii=False)})'
    return _figure(picture, caption, options.get("name", ""), "", wide=options.get("figclass") == "wide")


def _captioned_table(caption: str, options: dict, content: str) -> str:
    return _table(parse(content).children[0], caption, options.get("name", ""))


def _figure(body: str, caption: str, label: str, kind: str, wide: bool = False) -> str:
    parts = parse(caption).children
    place = 'placement: top, scope: "parent"' if wide else "placement: auto"
    mark = f" <{label}>" if label else ""
    return f"#figure({body}, {kind}{place}, caption: [{' '.join(map(inline, parts))}]){mark}\n"


BLOCKS = {
    "heading": _heading,
    "paragraph": lambda node: inline(node) + "\n",
    "math_block": _equation,
    "math_block_label": _equation,
    "table": _table,
    "fence": _fence,
    "colon_fence": _fence,
    "html_block": lambda node: "",  # only for the page
}
DIRECTIVES = {
    "figure": _picture,
    "table": _captioned_table,
    "record-table": lambda name, options, content: to_typst(record_table(name)),
}


# --- inlines ---------------------------------------------------------------------------------------------------------


def inline(node) -> str:
    """Typst markup of what stands within a block node."""
    return "".join(_spans(child.children) for child in node.children)


def _spans(nodes) -> str:
    return "".join(_find(INLINES, node.type, "inline")(node) for node in nodes)


def escape(text: str) -> str:
    """Text that Typst prints as it stands."""
    return ESCAPED.sub(r"\\\1", text)


def _link(node) -> str:
    """A link out of the book stays one; one to another page of it is its text."""
    address, text = node.attrs["href"], _spans(node.children)
    return f"#link({json.dumps(address)})[{text}]" if "://" in address else text


def _cite(keys: str) -> str:
    return " ".join(f"#cite(<{key.strip()}>);" for key in keys.split(","))


ROLES = {
    "cite:p": _cite,
    "cite:t": lambda key: f'#cite(<{key}>, form: "author", style: "chicago-author-date");~{_cite(key)}',
    "numref": lambda label: f"#ref(<{label}>);",
    "eq": lambda label: f"#ref(<{label}>);",
    "result": lambda expression: escape(lookup(expression)),
    "setting": lambda expression: escape(setting(expression)),
    "measured": lambda name: escape(measured(name).text),
}
INLINES = {
    "text": lambda node: escape(node.content),
    "softbreak": lambda node: " ",
    "strong": lambda node: f"#strong[{_spans(node.children)}]",
    "em": lambda node: f"#emph[{_spans(node.children)}]",
    "code_inline": lambda node: f"#raw({json.dumps(node.content)});",
    "math_inline": lambda node: _formula(node) + ";",
    "link": _link,
    "myst_role": lambda node: _find(ROLES, node.meta["name"], "role")(node.content),
}
