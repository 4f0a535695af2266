"""The report as a paper: what the converter writes, and what the PDF is."""

import shutil

import pytest

from wmbook.press import paper
from wmbook.press.markup import to_typst
from wmbook.press.mathematics import typst_math
from wmbook.records.records import find_root
from wmbook.records.values import MISSING, lookup
from wmlib.errors import UserError


@pytest.mark.parametrize(
    ("latex", "typst"),
    [
        (r"h_{t+1} = \mathrm{LSTM}(z_t, a_t)", 'h_(t + 1) = op("LSTM") ( z_(t) , a_(t) )'),
        (r"\tfrac12 \sum_i \sigma_i^2", "inline(frac(1, 2)) sum_(i) sigma_(i)^(2)"),
        (r"\lVert x - \hat x \rVert^2", "lr(‖ x - hat(x) ‖)^(2)"),
        (r"\sqrt{\tau}\, \varepsilon", "sqrt(tau) thin epsilon"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", r"a & = b \ c & = d"),
        (r"\Big(\log \pi / \tau\Big)", r"( log pi \/ tau )"),
    ],
)
def test_formulas(latex, typst):
    assert typst_math(latex) == typst


@pytest.mark.parametrize("latex", [r"\nosuchthing x", r"\begin{matrix} a \end{matrix}", "a }"])
def test_a_formula_that_is_not_understood_is_an_error(latex):
    with pytest.raises(ValueError, match="unknown|unbalanced"):
        typst_math(latex)


def test_text_is_printed_as_it_stands():
    assert to_typst("50 % of #1, a*b, [d] @ \\$5 c/o _") == r"50 % of \#1, a\*b, \[d\] \@ \$5 c\/o \_" + "\n"


def test_markup_becomes_typst():
    text = "## V: *see*\n\nA **b** `c_d` {cite:p}`e,f` $z_t$ and [book](pipeline.md), [web](https://a.org).\n"
    assert to_typst(text) == (
        "= V: #emph[see]\n\n"
        'A #strong[b] #raw("c_d"); #cite(<e>); #cite(<f>); #formula(alt: "z_t", $z_(t)$); and book, '
        '#link("https://a.org")[web].\n'
    )


def test_a_figure_keeps_its_description_caption_and_name():
    text = '```{figure} figures/a.svg\n:name: fig-a\n:alt: A "b".\n:width: 9px\n\nSee $x$.\n```\n'
    typst = to_typst(text)
    assert typst.startswith(r'#figure(image("/book/figures/a.svg", width: 100%, alt: "A \"b\"."), placement: auto')
    assert typst.endswith('caption: [See #formula(alt: "x", $x$);.]) <fig-a>\n')


def test_a_table_keeps_its_alignment():
    typst = to_typst(":::{table} All {cite:p}`a`.\n:name: tab-b\n\n| c | d |\n| :-- | --: |\n| e | 1 |\n:::\n")
    assert "columns: 2, align: (left, right,)" in typst
    assert "table.header([c], [d])" in typst and "[e], [1]" in typst
    assert "caption: [All #cite(<a>);.]) <tab-b>" in typst


@pytest.mark.parametrize("text", ["{unknown}`a`", "```{note} a\n```", "> quoted", "![a](b.png)"])
def test_what_the_paper_does_not_know_is_an_error(text):
    with pytest.raises(UserError, match="the paper knows no"):
        to_typst(text)


def test_numbers_are_the_books():
    assert to_typst("{setting}`paper.collect.episodes|,`") == "10,000\n"
    assert lookup("nosuchrecord.a") == MISSING


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    pytest.importorskip("typst")
    return paper.build(tmp_path_factory.mktemp("paper") / "report.pdf")


def test_the_text_is_four_pages_and_references_follow(pdf):
    pages = pytest.importorskip("pypdf").PdfReader(pdf).pages
    texts = [page.extract_text() for page in pages]
    assert len(texts) == paper.PAGES + 1
    assert texts[paper.PAGES].lstrip().startswith("References")
    assert "Abstract" in texts[0] and "What came after" in texts[paper.PAGES - 1]
    assert not any("References" in text.splitlines() for text in texts[: paper.PAGES])


def test_every_font_is_embedded(pdf):
    fonts = {}
    for page in pytest.importorskip("pypdf").PdfReader(pdf).pages:
        for font in page["/Resources"].get("/Font", {}).values():
            whole = font.get_object()
            for part in whole.get("/DescendantFonts", [whole]):
                fonts[whole["/BaseFont"]] = part.get_object()["/FontDescriptor"].keys()
    assert any("LibertinusSerif" in name for name in fonts) and any("Math" in name for name in fonts)
    assert all({"/FontFile", "/FontFile2", "/FontFile3"} & set(keys) for keys in fonts.values()), fonts


def test_the_same_text_gives_the_same_bytes(pdf, tmp_path):
    assert paper.build(tmp_path / "again.pdf").read_bytes() == pdf.read_bytes()


@pytest.mark.parametrize(("words", "fault"), [(20, "does not fill"), (6000, "longer than")])
def test_a_text_that_does_not_fit_is_an_error(tmp_path, words, fault):
    pytest.importorskip("typst")
    (tmp_path / "book").mkdir()
    for name in ("report.typ", "references.bib"):
        shutil.copy(find_root() / "book" / name, tmp_path / "book" / name)
    (tmp_path / "book" / "report.md").write_text("# Title\n\nAbstract.\n\n## Text\n\n" + "many words " * (words // 2))
    with pytest.raises(UserError, match=fault):
        paper.build(tmp_path / "report.pdf", root=tmp_path)
