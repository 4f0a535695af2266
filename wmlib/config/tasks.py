"""The tasks an agent can learn, each as the numbers that V, M, C and the stages need of it.

What a task does (its games, its random driver) stands in the file of its name in ``wmlib.envs``.
"""

from __future__ import annotations

from dataclasses import dataclass

FRAME_SHAPE = (64, 64, 3)  # what V sees, uint8, whatever the task


@dataclass(frozen=True)
class Task:
    """Sizes, time limit and score of one task.

    Attributes:
        record: its name in the records.
        latent_size: numbers in z.
        action_low, action_high: limits of each number in an action.
        max_steps: time limit, in frames.
        step_cost: what a frame costs of which nothing else is known; it completes the return of a stopped lane.
        prize: all there is to win in an episode, costs aside.
        solved: the mean return over 100 episodes at which it counts as solved.
        tau: temperature of the dreams in which a C learns that only has to collect data.
        renderers: whose pictures the score is driven with; the first is the unmodified environment's.
    """

    record: str
    latent_size: int
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    max_steps: int
    step_cost: float
    prize: float
    solved: float
    tau: float
    renderers: tuple[str, ...]

    @property
    def action_size(self) -> int:
        """Numbers in an action."""
        return len(self.action_low)


TASKS = {
    "carracing": Task(
        record="CarRacing-v3",
        latent_size=32,  # paper, section 3.1 and appendix A.1
        action_low=(-1.0, 0.0, 0.0),  # steer, gas, brake
        action_high=(1.0, 1.0, 1.0),
        max_steps=1000,
        step_cost=0.1,
        prize=1000.0,  # for all tiles, however many the lap has
        solved=900.0,
        tau=1.0,
        renderers=("gymnasium", "wmlib"),
    ),
    "takecover": Task(
        record="VizdoomTakeCover-v1",
        latent_size=64,  # paper, appendix A.1
        action_low=(-1.0,),  # left below -1/3, right above 1/3, else standing still
        action_high=(1.0,),
        max_steps=2100,
        step_cost=0.0,
        prize=2100.0,  # one for every frame lived
        solved=750.0,
        tau=1.15,  # the paper's best
        renderers=("vizdoom",),
    ),
}
LATENT_SIZE, ACTION_SIZE, MAX_STEPS = (
    getattr(TASKS["carracing"], name) for name in ("latent_size", "action_size", "max_steps")
)  # of CarRacing, what the models are built for unless told otherwise
