"""A reader's answer to an exercise, put to the test: each chapter has one that builds something."""

from __future__ import annotations

from collections.abc import Callable


def attempt(check: Callable, answer: Callable) -> None:
    """Print whether an answer passes a check, or what is wrong with it; a slip in the code itself is raised as it is.

    Args:
        check: called with the answer. It asserts what must hold, with a message in words, and may return what there is
            to tell about a right answer.
        answer: raises NotImplementedError until somebody has written it.
    """
    try:
        told = check(answer)
    except NotImplementedError:
        print("not solved yet")
    except AssertionError as fault:
        print(f"not solved yet: {fault}")
    else:
        print(f"solved: {told}" if told else "solved")
