"""The book's sources: the table of contents is complete, citations have entries, numbers come from records."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def extension(name: str):
    """A file of ``book/_ext``, which is no package."""
    specification = importlib.util.spec_from_file_location(f"{name}_extension", ROOT / "book" / "_ext" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


pages, results = extension("pages"), extension("results")


def toc_files() -> list[str]:
    found = []

    def walk(node):
        if isinstance(node, dict):
            found.extend(node[key] for key in ("root", "file") if key in node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(yaml.safe_load((ROOT / "_toc.yml").read_text()))
    return found


def test_every_page_and_notebook_is_in_the_table_of_contents_once():
    listed = toc_files()
    assert len(listed) == len(set(listed))
    pages = [p for p in (ROOT / "book").rglob("*.md") if not {"_static", "_ext", "results"} & set(p.parts)]
    sources = [*pages, *(ROOT / "notebooks").glob("*.ipynb")]
    assert sorted(listed) == sorted(str(p.relative_to(ROOT).with_suffix("")) for p in sources)


def test_a_notebook_has_the_number_of_its_chapter():
    """The numbered parts of the table of contents count on from each other."""
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    chapters = [chapter["file"] for part in parts if part.get("numbered") for chapter in part["chapters"]]
    assert len(chapters) == len(list((ROOT / "notebooks").glob("*.ipynb")))
    assert [int(Path(chapter).name[:2]) for chapter in chapters] == list(range(1, len(chapters) + 1))


def test_no_static_folder_at_the_root():
    """Jupyter Book would load every script in it on every page."""
    assert not (ROOT / "_static").exists()


def test_citations_have_entries_and_entries_are_complete():
    text = (ROOT / "book" / "references.bib").read_text()
    keys = re.findall(r"^@\w+\{([^,]+),", text, re.MULTILINE)
    assert len(keys) == len(set(keys))
    for entry in re.split(r"\n(?=@)", text)[1:]:
        assert re.search(r"\b(doi|url|eprint|institution)\s*=", entry), entry.splitlines()[0]
        assert re.search(r"\byear\s*=\s*\{\d{4}\}", entry), entry.splitlines()[0]


def test_lookup_formats_values_and_refuses_wrong_paths(tmp_path):
    (tmp_path / "summary.json").write_text(json.dumps({"arms": {"vae-zh": {"mean": 903.26, "ci95": [1.5, 2.5]}}}))
    assert results.lookup("summary.arms.vae-zh.mean|.0f", tmp_path) == "903"
    assert results.lookup("summary.arms.vae-zh.ci95.1|.1f", tmp_path) == "2.5"
    assert results.lookup("bench.simulator|.0f", tmp_path) == results.MISSING
    with pytest.raises(KeyError, match="no arms.other"):
        results.lookup("summary.arms.other|.0f", tmp_path)


def test_setting_reads_presets():
    assert results.setting("paper.collect.episodes|,") == "10,000"
    assert results.setting("full.collect.holdout|.0%") == "5\N{NO-BREAK SPACE}%"
    with pytest.raises(KeyError, match="no setting vae.nothing"):
        results.setting("full.vae.nothing")


def test_a_formula_gets_its_room_before_it_is_set():
    widths = {
        r"z": 0.6,
        r"z_t": 0.9,
        r"\mathcal L_\mathrm{GAN}": 2.95,
        r"h_{t+1} = \mathrm{LSTM}([z_t, a_t], h_t)": 13.3,
    }
    for formula, measured in widths.items():  # by MathJax, in em
        assert abs(pages.width(formula) - measured) < 0.2 + 0.06 * measured, formula
    assert pages.height(r"a &= b \\ c &= \frac{d}{e}") > pages.height("a = b") + 1.75
    math = '<span class="math notranslate nohighlight">\\(z\\)</span>'
    assert pages.with_room(f"<p>{math}, {math} and</p>").count("&#8288;,") == 1, "a line must not begin with the comma"
    assert pages.with_room(math).startswith('<span class="math notranslate nohighlight" style="--room: 0.74"')


def test_numbers_in_tables_have_a_minus():
    cell = '<td class="text-right"><p>-1.5 [-2, +3], 10-15, e-05, z-2</p><code>--set a=-1</code></td>'
    assert pages.with_minus(cell) == cell.replace("-1.5 [-2", "\N{MINUS SIGN}1.5 [\N{MINUS SIGN}2")
    assert pages.with_minus("<p>-1</p>") == "<p>-1</p>"
