"""A reader's answer is put to the test: not written, wrong, right, and wrong in a way Python itself complains about."""

import pytest

from wmbook.press.exercise import attempt


def doubles(answer):
    if (found := answer(2)) != 4:
        raise AssertionError(f"twice two is not {found}")  # an assert of pytest's would say more than the message
    return "twice two is four"


def unwritten(number):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (unwritten, "not solved yet\n"),
        (lambda number: 3, "not solved yet: twice two is not 3\n"),
        (lambda number: 2 * number, "solved: twice two is four\n"),
    ],
)
def test_the_outcome_is_printed(answer, told, capsys):
    attempt(doubles, answer)
    assert capsys.readouterr().out == told


def test_a_slip_in_the_code_is_shown_as_it_is():
    with pytest.raises(ZeroDivisionError):
        attempt(doubles, lambda number: number / 0)
