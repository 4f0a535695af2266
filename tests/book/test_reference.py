"""The generated reference pages are those of the present code."""

import argparse
from pathlib import Path

import pytest

import wmbook.cli
import wmlib.cli
from wmbook.press import reference
from wmlib.config import Config, MemoryConfig

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["reference/cli.md", "reference/config.md"])
def test_committed_page_is_up_to_date(name):
    assert (ROOT / "book" / name).read_text(encoding="utf-8") == reference.pages(
        wmlib.cli.build_parser(), wmbook.cli.build_parser()
    )[name], "run `make reference`"


def test_every_field_of_the_configuration_explains_itself():
    assert reference.field_docs(MemoryConfig)["mixtures"] == "Gaussians per latent dimension (paper: 5)."
    page = reference.config_markdown()
    for group, value in Config().to_dict().items():
        for key in value if isinstance(value, dict) else [""]:
            name = f"{group}.{key}" if key else group
            row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
            assert row.rstrip(" |").split("|")[-1].strip(), f"{name} has no docstring"


def test_values_that_differ_from_full_are_bold():
    row = next(line for line in reference.config_markdown().splitlines() if line.startswith("| `collect.episodes` |"))
    assert "**10,000**" in row and "| 1,000 |" in row


def test_command_page_keeps_tables_whole():
    parser = argparse.ArgumentParser(prog="wmlib")
    commands = parser.add_subparsers()
    commands.add_parser("run", help="all").add_argument("--scale", choices=("a", "b"), help="one | two")
    page = reference.cli_markdown(parser)
    assert r"| `--scale a\|b` | one \| two |" in page
    assert "(wmlib-run)=" in page
