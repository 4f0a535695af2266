"""The built pages, read without a browser: links lead somewhere, pictures have words, nothing comes from outside.

`make book` runs these after building; where there is no book they are skipped.
"""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

BUILT = Path(__file__).resolve().parents[2] / "_build" / "html"
OUTSIDE = re.compile(r"(?:[a-z]+:)?//")
LOADED = {"script": ("src",), "img": ("src",), "iframe": ("src",), "source": ("src",), "video": ("src", "poster")}

pytestmark = pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the book is not built: make book")


def pages() -> list[Path]:
    return [path for path in sorted(BUILT.rglob("*.html")) if "_static" not in path.relative_to(BUILT).parts]


@cache
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def tags(page: Path, name: str) -> list[dict[str, str]]:
    """The attributes of each element of a kind."""
    found = re.findall(rf"<{name}\b((?:[^>\"]|\"[^\"]*\")*)>", text(page))
    return [dict(re.findall(r'([\w-]+)="([^"]*)"', attributes)) for attributes in found]


def target(page: Path, address: str) -> Path:
    """The file that an address on a page means."""
    path = unquote(re.split(r"[?#]", address)[0])
    return (page.parent / path).resolve() if path else page


@cache
def anchors(page: Path) -> set[str]:
    return set(re.findall(r'\s(?:id|name)="([^"]+)"', text(page)))


def loaded(page: Path) -> list[str]:
    """Addresses a page loads by itself; links to click are not among them."""
    found = [element.get(key, "") for name, keys in LOADED.items() for element in tags(page, name) for key in keys]
    links = (element for element in tags(page, "link") if element.get("rel") in ("stylesheet", "preload", "icon"))
    return [address for address in (*found, *(element["href"] for element in links)) if address]


def test_links_and_anchors_lead_somewhere():
    dead = []
    for page in pages():
        for address in {element.get("href", "") for element in tags(page, "a")}:
            if not address or address.startswith(("mailto:", "data:")) or OUTSIDE.match(address):
                continue
            file, anchor = target(page, address), unquote(address.partition("#")[2])
            if not file.exists() or anchor and file.suffix == ".html" and anchor not in anchors(file):
                dead.append(f"{page.relative_to(BUILT)}: {address}")
    assert dead == []


def test_pages_load_only_files_that_are_here():
    faults = []
    for page in pages():
        for address in loaded(page):
            if not address.startswith("data:") and (OUTSIDE.match(address) or not target(page, address).exists()):
                faults.append(f"{page.relative_to(BUILT)}: {address}")
        if re.search(r"\bimport\(.{0,3}https?:|@import url\(.{0,2}https?:", text(page)):
            faults.append(f"{page.relative_to(BUILT)}: an import from elsewhere")
    assert faults == []


def test_styles_load_nothing_from_elsewhere():
    for style in BUILT.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(?:https?:)?//|@import\s+['\"]https?:", text(style)), style.name


def test_scripts_of_a_page_declare_nothing_twice():
    """A second `const` of the same name is an error in the browser's console."""
    for page in pages():
        scripts = re.findall(r"<script>(.*?)</script>", text(page), re.DOTALL)
        names = [name for script in scripts for name in re.findall(r"(?:^|;)\s*(?:const|let) (\w+)", script)]
        assert len(names) == len(set(names)), f"{page.relative_to(BUILT)}: {names}"


def test_pictures_have_words_and_a_size():
    for page in pages():
        for picture in tags(page, "img"):
            where = f"{page.relative_to(BUILT)}: {picture}"
            words = picture.get("alt", "").strip()
            assert words and not words.endswith(".png"), f"{where}: a file's name is no description"
            assert {"width", "height"} <= set(picture) or "_images/" not in picture["src"], where


def test_videos_have_words_a_size_and_a_poster():
    films = [(page, film) for page in pages() for film in tags(page, "video")]
    assert films
    for page, film in films:
        assert {"width", "height", "poster", "aria-label"} <= set(film), page.name


def test_no_page_names_this_machine():
    here = str(BUILT.parents[1])
    assert [page.name for page in pages() if here in text(page)] == []


def test_outputs_show_no_raw_markdown():
    for page in (BUILT / "notebooks").glob("*.html"):
        assert "| :--" not in text(page), f"{page.name}: a table was not set"
        assert "{cite" not in text(page), f"{page.name}: a citation was not set"


def test_every_column_has_a_header():
    for page in pages():
        for table in re.findall(r"<thead>(.*?)</thead>", text(page), re.DOTALL):
            heads = [re.sub(r"<[^>]*>", "", head).strip() for head in re.findall(r"<th\b.*?</th>", table, re.DOTALL)]
            assert all(heads), f"{page.relative_to(BUILT)}: {heads}"


def test_no_role_was_left_as_it_is_written():
    """``{result}`...` on a page is a number that was not looked up, a bar in a table not escaped for instance."""
    role = re.compile(r"\{[a-z][a-z:-]*\}(?=`|<code|<span)")
    for page in pages():
        shown = re.sub(r"(?s)<(pre|script)\b.*?</\1>", "", text(page))
        assert not role.search(shown), f"{page.relative_to(BUILT)}: {role.search(shown).group()}"


def test_mathematics_is_set_by_the_local_copy():
    page = BUILT / "book" / "notation.html"
    assert any(target(page, address).name == "tex-chtml.js" for address in loaded(page))


def test_the_front_page_leads_to_everything():
    page = BUILT / "book" / "index.html"
    addresses = {element.get("href", "") for element in tags(page, "a")}
    for name in ("report.html", "../report.pdf", "../notebooks/01_environment.html", "../notebooks/09_results.html"):
        assert name in addresses
    assert "../notebooks/04_dream.html" in addresses and "make reproduce" in re.sub(r"<[^>]*>", "", text(page))


def test_the_library_page_has_every_module():
    package = BUILT.parents[1] / "wmlib"
    files = [path.relative_to(package.parent).with_suffix("") for path in package.rglob("*.py")]
    known = anchors(BUILT / "book" / "reference" / "api.html")
    assert {f"module-{'.'.join(file.parts)}" for file in files if not file.name.startswith("_")} <= known


def test_settings_are_described_in_whole_sentences():
    library = text(BUILT / "book" / "reference" / "api.html")
    assert "Number of episodes (paper: 10,000)." in library
