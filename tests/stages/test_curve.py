"""When a search is over: its generations count, and its minutes only with an answer that validation has seen."""

from types import SimpleNamespace

import pytest

from wmlib.stages.curve import over

SETTINGS = SimpleNamespace(minutes=1.0)
SEEN, UNSEEN = {"validation_mean": 5.0}, {"validation_mean": ""}


@pytest.mark.parametrize(
    ("curve", "seconds", "ended"),
    [
        ([], 0, False),
        ([], 61, False),
        ([SEEN], 59, False),
        ([SEEN], 60, True),
        ([SEEN, UNSEEN], 61, False),
        ([SEEN, UNSEEN, SEEN], 0, True),
    ],
)
def test_a_search_never_ends_without_an_answer(curve, seconds, ended):
    assert over(SETTINGS, 3, curve, SimpleNamespace(seconds=seconds)) is ended


def test_no_minutes_are_no_limit():
    assert not over(SimpleNamespace(minutes=0.0), 3, [SEEN], SimpleNamespace(seconds=1e6))
