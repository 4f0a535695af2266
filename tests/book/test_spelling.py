"""The prose is spelt correctly, in British English throughout, and its short names are explained in the glossary.

Every page is read, the README, and the notebooks' text.
"""

import json
import re
from pathlib import Path

import codespell_lib

ROOT = Path(__file__).resolve().parents[2]
AMERICAN = Path(codespell_lib.__file__).parent / "data" / "dictionary_en-GB_to_en-US.txt"
# Also British, in another sense (a computer program, to license), or a name of ours (the role math).
BRITISH_TOO = "biased,license,math,practice,program,story"

# Short names that need no entry: those every reader knows, and those of programs and papers.
KNOWN = "BY CC CITATION CPU CSV DIAMOND GB IRIS JSON MB MIT NOTICE PDF SCALE TD-MPC2".split()


def prose() -> dict[str, str]:
    """Text by file name; of a notebook its Markdown cells, with lines between them."""
    pages = [ROOT / "README.md", *(ROOT / "book").rglob("*.md")]
    texts = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in pages}
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        text = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        texts[f"notebooks/{notebook.stem}.md"] = "\n\n".join(text)
    return texts


def misspelt(texts: dict[str, str], folder: Path, capsys) -> list[str]:
    """Lines of codespell: its own dictionary of common slips, and its British-to-American one read backwards."""
    pairs = (line.partition("->") for line in AMERICAN.read_text(encoding="utf-8").split())
    british = folder / "british.txt"
    british.write_text("".join(f"{american.split(',')[0]}->{word}\n" for word, _, american in pairs), encoding="utf-8")
    for name, text in texts.items():
        page = folder / "prose" / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
    options = ["-D", "-", "-D", str(british), "-L", BRITISH_TOO, "--disable-colors"]
    codespell_lib.main(*options, str(folder / "prose"))
    return [line.split("/prose/", 1)[-1] for line in capsys.readouterr().out.splitlines()]


def test_the_prose_is_spelt_correctly_and_in_british_english(tmp_path, capsys):
    texts = prose()
    assert len(texts) > 20
    assert misspelt(texts, tmp_path, capsys) == []


def test_short_names_are_in_the_glossary():
    glossary = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    outside = r"```(?:console|python|text).*?```|\{[a-z:]+\}`[^`]*`|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]+>"
    unexplained = {}
    for name, text in prose().items():
        words = re.findall(r"\b[A-Z][A-Z0-9]+(?:-[A-Z0-9]+)*\b", re.sub(outside, " ", text, flags=re.DOTALL))
        for word in set(words) - set(KNOWN):
            if not re.search(rf"\b{word}\b", glossary):
                unexplained.setdefault(word, []).append(name)
    assert not unexplained


def test_slips_and_american_spellings_are_found(tmp_path, capsys):
    found = misspelt({"page.md": "The colour of teh color is a program's."}, tmp_path, capsys)
    assert [line.split(": ", 1)[1] for line in found] == ["teh ==> the", "color ==> colour"]
