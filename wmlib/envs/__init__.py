"""The worlds: one file a task, each answering the same questions, and M as a world of its own.

A task's file gives ``make_lanes(lanes, samples, renderer, max_steps)``, games in lockstep for
:func:`wmlib.rollout.lanes.drive`; ``BASELINES``, drivers that learn nothing, of which ``random`` collects the first
data; and ``preprocess``, what V sees of the game's own picture. Importing this package is cheap: Gymnasium, Box2D,
ViZDoom and Numba are only imported by its modules.
"""

from importlib import import_module


def world(task: str):
    """The file of a task, by its name in :data:`wmlib.config.TASKS`."""
    return import_module(f"wmlib.envs.{task}")
