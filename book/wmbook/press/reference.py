"""The book's pages on the command line and the configuration, made from the code so that they cannot drift.

``wmbook reference`` (``make reference``) rewrites the pages below ``book/reference/``;
``tests/book/test_reference.py`` fails when they are out of date. sphinx-argparse would say each common option again
under every command, sets ``--`` as a dash and has no table of the commands.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import re
from pathlib import Path

from wmbook.records.records import find_root
from wmlib.config import SCALES, Config
from wmlib.runs import write_text

HEADER = "<!-- Written by `make reference` from {source}: edit that, not this page. -->\n\n"

CLI_INTRODUCTION = """# The command line

`wmlib` has one sub-command per stage, `wmlib run` for all of them, and a few tools around them; `wmbook` measures,
records and tells. `python -m wmlib` and `python -m wmbook` are the same. Every command ends with exit code 0 when all
is well, 2 with one line on stderr for bad input, and 130 after Ctrl-C. The same command again resumes what was
interrupted and skips what is done.
"""

CONFIG_INTRODUCTION = """# The configuration

Every number an experiment depends on is a field of one frozen tree, {py:class}`wmlib.config.tree.Config`. `--scale`
names a preset, `--set KEY=VALUE` changes single values (unknown keys and values of the wrong type are errors), and
`wmlib show-config` prints the result. Each run folder keeps the tree it was made with in `config.json`.

The presets stand side by side below; a value that differs from `full` is **bold**.
"""


def cli_markdown(*parsers: argparse.ArgumentParser) -> str:
    """The page on the command line: a summary table, then a section per sub-command with example and options.

    Args:
        parsers: one per program; the options of the first one's ``run`` are the common ones.
    """
    commands = [(p.prog, name, _help(p, name), command) for p in parsers for name, command in _subcommands(p).items()]
    common = {option.dest: _row(option) for option in _options(_subcommands(parsers[0])["run"])}
    sources = "`wmlib/cli.py` and `book/wmbook/cli.py`"
    lines = [HEADER.format(source=sources) + CLI_INTRODUCTION, "| Command | What it does |", "|---|---|"]
    lines += [f"| [`{prog} {name}`](#{prog}-{name}) | {_sentence(text)} |" for prog, name, text, _ in commands]
    lines += ["", "(common-options)=", "## Common options", "", "| Option | Meaning |", "|---|---|", *common.values()]
    for prog, name, _, command in commands:
        lines += ["", f"({prog}-{name})=", f"## `{prog} {name}`", "", command.description or "", ""]
        if command.epilog:
            lines += ["```console", *_example_lines(command.epilog), "```", ""]
        rows = [_row(option) for option in _options(command)]
        own = [row for row in rows if row not in common.values()]
        if own:
            lines += ["| Option | Meaning |", "|---|---|", *own, ""]
        if len(own) < len(rows):
            lines.append("It takes the [common options](#common-options)" + (" too." if own else "."))
    return "\n".join(lines) + "\n"


def config_markdown() -> str:
    """The page on the configuration: a table per group of settings, the presets as columns."""
    lines = [HEADER.format(source="`wmlib/config/tree.py` and its groups' files") + CONFIG_INTRODUCTION]
    presets = {scale: Config.preset(scale) for scale in SCALES}
    groups = {f.name: getattr(presets["full"], f.name) for f in dataclasses.fields(Config)}
    plain = [name for name, value in groups.items() if not dataclasses.is_dataclass(value)]
    lines += ["## The whole experiment", "", *_table(Config, "", plain, presets)]
    for name, value in groups.items():
        if dataclasses.is_dataclass(value):
            kind = type(value)
            fields = [f.name for f in dataclasses.fields(kind)]
            lines += ["", f"## `{name}`", "", inspect.getdoc(kind) or "", "", *_table(kind, name, fields, presets)]
    return "\n".join(lines) + "\n"


def field_docs(kind: type) -> dict[str, str]:
    """The string literal under each field of a dataclass, with line breaks folded."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(kind)))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind.__name__)
    docs = {}
    for before, after in zip(body, body[1:]):
        documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(before, ast.AnnAssign) and documented and isinstance(after.value.value, str):
            docs[before.target.id] = " ".join(after.value.value.split())
    return docs


def _table(kind: type, prefix: str, names: list[str], presets: dict[str, Config]) -> list[str]:
    docs = field_docs(kind)
    columns = " | ".join(f"`{scale}`" for scale in presets)
    lines = [f"| Key | {columns} | Meaning |", "|---" * (len(presets) + 2) + "|"]
    for name in names:
        values = {scale: getattr(getattr(tree, prefix) if prefix else tree, name) for scale, tree in presets.items()}
        cells = [_value(v, bold=v != values["full"] and name != "scale") for v in values.values()]
        key = f"{prefix}.{name}" if prefix else name
        lines.append(f"| `{key}` | {' | '.join(cells)} | {_cell(docs.get(name, ''))} |")
    return lines


def _value(value, bold: bool) -> str:
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else f"{value}" or "–"
    return f"**{text}**" if bold else text


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return next(a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction))


def _help(parser: argparse.ArgumentParser, name: str) -> str:
    action = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return next((choice.help or "" for choice in action._choices_actions if choice.dest == name), "")


def _options(command: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in command._actions if not isinstance(action, argparse._HelpAction)]


def _row(option: argparse.Action) -> str:
    return f"| {_spelling(option)} | {_cell(option.help or '')} |"


def _spelling(option: argparse.Action) -> str:
    if not option.option_strings:
        return f"`{option.metavar or option.dest.upper()}`"
    flag = ", ".join(option.option_strings)
    if option.nargs == 0:
        return f"`{flag}`"
    value = "\\|".join(map(str, option.choices)) if option.choices else option.metavar or option.dest.upper()
    return f"`{flag} {value}`"


def _example_lines(epilog: str) -> list[str]:
    lines = [re.sub(r"^\s*(examples?:)?\s*", "", line) for line in epilog.splitlines()]
    return [f"$ {line}" for line in lines if line]


def _sentence(text: str) -> str:
    text = _cell(text)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") or not text else ".")


def _cell(text: str) -> str:
    """Text that is safe inside a table: one line, no bare pipe, and ``code`` in MyST's spelling."""
    text = " ".join(text.split()).replace("``", "`")
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def pages(*parsers: argparse.ArgumentParser) -> dict[str, str]:
    """Path below ``book/`` and text of each generated page; the parsers are those of the programs."""
    return {"reference/cli.md": cli_markdown(*parsers), "reference/config.md": config_markdown()}


def write(*parsers: argparse.ArgumentParser) -> list[Path]:
    """Write every generated page."""
    files = {find_root() / "book" / name: text for name, text in pages(*parsers).items()}
    for file, text in files.items():
        write_text(file, text)
    return list(files)
