"""Stage scout. Reads what stage controller reads. Writes the same, of a second C.

Its search is C's, from zeros, with draws of its own. Nobody goes on from it unless its drives are the best; it drives
data beside C, because one C alone, and what is near it, shows M little of what the next search will try.
"""

from __future__ import annotations

from wmlib.runs import Stage
from wmlib.stages.controller import evolve


def run(chain, stage: Stage) -> None:
    """Find a C, from zeros."""
    evolve(chain, stage, scout=True)
