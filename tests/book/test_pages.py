"""The book's sources: the table of contents is complete, numbers come from records, built pages load nothing."""

import importlib.util
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "_build" / "html"

specification = importlib.util.spec_from_file_location("results_extension", ROOT / "book" / "_ext" / "results.py")
results = importlib.util.module_from_spec(specification)
specification.loader.exec_module(results)


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
    with pytest.raises(KeyError, match="no setting vae.nothing"):
        results.setting("full.vae.nothing")


class Loaded(HTMLParser):
    """Addresses a page loads by itself: scripts, styles, pictures, frames; links to click are not among them."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag in ("script", "img", "iframe", "source", "video", "audio"):
            self.addresses += [values[name] for name in ("src", "poster") if values.get(name)]
        elif tag == "link" and values.get("rel") not in ("canonical", "author", "next", "prev", "search"):
            self.addresses.append(values.get("href") or "")


@pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the book is not built: make book")
def test_built_pages_load_nothing_from_elsewhere():
    pages = [p for p in BUILT.rglob("*.html") if "_static" not in p.parts]
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = Loaded()
        loaded.feed(text)
        outside = [a for a in loaded.addresses if re.match(r"(https?:)?//", a)]
        assert not outside, f"{page.name}: {outside}"
        assert not re.search(r"\bimport\(.{0,3}https?:|@import url\(.{0,2}https?:", text), page.name


@pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the book is not built: make book")
def test_built_outputs_show_no_raw_markdown():
    for page in (BUILT / "notebooks").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "| :--" not in text, f"{page.name}: a table was not set"
        assert "{cite" not in text, f"{page.name}: a citation was not set"


@pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the book is not built: make book")
def test_built_mathematics_is_set_by_the_local_copy():
    page = (BUILT / "book" / "notation.html").read_text(encoding="utf-8")
    script = re.search(r'src="([^"]*tex-chtml\.js)', page)
    assert script
    assert (BUILT / "book" / script.group(1)).resolve().exists()
