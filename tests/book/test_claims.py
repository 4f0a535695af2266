"""The sentences people wrote are those the records bear out; when one no longer is, the test says which to rewrite."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from wmbook.analysis.copies import PEDALS
from wmbook.records.published import OTHERS, SCORES
from wmbook.records.records import Records
from wmbook.show import claims
from wmlib.errors import UserError
from wmlib.stages.evaluate import read_rows

ROOT = Path(__file__).resolve().parents[2]
RECORDS = Records(ROOT / "book" / "results")
RESULTS = "notebooks/09_results.ipynb"
WORDS = "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
NUMBERS = dict(enumerate(WORDS.split()))


def prose(page: str) -> str:
    """What a page says in words, line breaks folded."""
    text = (ROOT / page).read_text(encoding="utf-8")
    if page.endswith(".ipynb"):
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return " ".join(text.replace("**", "").split())


@pytest.mark.parametrize("claim", claims.CLAIMS, ids=lambda claim: f"{Path(claim.page).stem}: {claim.words}")
def test_the_records_bear_the_sentence_out(claim):
    assert claim.words.replace("**", "") in prose(claim.page), f"{claim.page} no longer says this: change the claim"
    found = claims.measured(claim.measurement, RECORDS)
    told = f"is {found.verdict} now ({found.text}), the sentence needs {claim.verdict}"
    assert found.verdict == claim.verdict, f"{claim.page}: rewrite '{claim.words}': {claim.measurement} {told}"


def test_the_story_of_the_vaegans_training_holds():
    """Chapter 8's three sentences on the game: samples are hardest, the yardstick moves, the swings calm down."""
    curve, run = (
        RECORDS.training("vaegan-zh", "vision", train_seed=0),
        RECORDS.runs["vaegan-zh/seed0"]["config"]["vaegan"],
    )
    logged = np.flatnonzero(np.isfinite(curve["llike"]))
    end = logged[-len(logged) // 10 :]
    assert curve["prior_accuracy"][end].mean() < curve["reconstruction_accuracy"][end].mean()
    lowest, held = logged[np.argmin(curve["llike"][logged])], np.isfinite(curve["held_out_reconstruction"])
    error = curve["held_out_reconstruction"]
    assert curve["llike"][lowest] < 0.9 * curve["llike"][end].mean()
    assert error[held][-1] < error[held & (curve["step"] <= curve["step"][lowest])][-1]
    falls = curve["step"][logged] >= run["updates"] * (1 - run["final_share"])
    early, late = (np.ptp(curve["real_accuracy"][logged[part]]) for part in (~falls, falls))
    assert late < early


def test_the_story_of_the_copies_holds():
    """The page on brakes: an oracle hardly helps a linear C, forty hidden units copy best, the brake is hardest."""
    kinds = RECORDS.bends["teacher"]["0"]["copies"]["kinds"]
    r2 = {kind: np.array([found[pedal]["r2"] for pedal in PEDALS]) for kind, found in kinds.items()}
    line, best = r2["z and h"], r2["z and h, 40 hidden units"]
    assert (r2["z, h and the size of the bend"] - line < 0.06).all()
    assert all((best >= found).all() and found.argmin() == PEDALS.index("brake") for found in r2.values())


def test_the_story_of_the_laps_that_are_not_finished_holds():
    """The page on brakes: more than a fourth after lessons alone, one at most with hidden units, then one to five."""
    left: dict[tuple, list] = {}
    for row in read_rows(ROOT / "book" / "results" / "evaluations.csv"):
        if row["renderer"] == "gymnasium" and "taught" in row["arm"]:
            left.setdefault((row["arm"], row["train_seed"]), []).extend([row] if not row["lap_finished"] else [])
    counts = {run: len(rows) for run, rows in left.items()}
    assert counts["vae-zh-taught", 0] > 25
    assert max(count for (arm, _), count in counts.items() if arm == "vae-zh-hidden-taught") == 1
    evolved = [count for (arm, _), count in counts.items() if arm == "vae-zh-taught-evolved"]
    assert (min(evolved), max(evolved)) == (1, 5)
    lost = {
        end: np.mean([900 - row["return"] for (arm, _), rows in left.items() if arm.endswith(end) for row in rows])
        for end in ("hidden-taught", "evolved")
    }
    assert lost["evolved"] < lost["hidden-taught"] and lost["hidden-taught"] > 300


def test_an_unknown_measurement_is_an_error():
    with pytest.raises(UserError, match="no measurement 'nothing:more'"):
        claims.measured("nothing:more")


def test_no_page_says_that_m_never_sees_a_reward():
    """M is trained to predict it; what holds is that neither V nor M seeks it."""
    pages = [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    for page in pages:
        found = re.search(
            r"\b(?:V and M|M)\b[^.]{0,60}\b(?:never|no|without)\b[^.]{0,20}\breward|without reward\b", prose(str(page))
        )
        assert not found, f"{page.name}: {found.group()}"


def test_words_for_figures_count_the_drivers_that_are_in_them():
    """A new arm gets into the figures of chapter 9 by itself, into the words for them only by hand."""
    cells = json.loads((ROOT / RESULTS).read_text(encoding="utf-8"))["cells"]
    scores = RECORDS.scores
    shared = [arm for arm in scores if arm not in ("vae-zh", "random") and scores[arm]["n"] == scores["vae-zh"]["n"]]
    counts = {
        "result_figures.differences(": len(shared),
        "result_figures.beside_others(": 1 + len(OTHERS) + len(SCORES),
    }
    for call, count in counts.items():
        cell = next(cell for cell in cells if cell["cell_type"] == "code" and call in "".join(cell["source"]))
        words = cell["metadata"]["mystnb"]["image"]["alt"]
        assert f" {NUMBERS[count]} " in words, f"{count} drivers are drawn: {words}"


def test_chapters_on_results_assemble_no_prose():
    """Their code cells show figures and tables; sentences stand in Markdown cells."""
    for name in ("09_results", "10_comparison"):
        for cell in json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text())["cells"]:
            for output in cell.get("outputs", []):
                text = "".join(output.get("data", {}).get("text/markdown", ""))
                table = text[:1] in ("", "|", "`") or cell["id"] == "whose-run"
                assert table, f"{name}: a cell prints prose: {text[:60]}"
