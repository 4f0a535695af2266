"""Environments. Importing this package is cheap: Gymnasium, Box2D and Numba are only imported by its modules."""

from __future__ import annotations

ID = "wmlib/CarRacing-v3"


def register() -> None:
    """Make ``gymnasium.make("wmlib/CarRacing-v3")`` work; ``import wmlib`` sees to it."""
    from gymnasium.envs.registration import register as gymnasium_register
    from gymnasium.envs.registration import registry

    if ID not in registry:
        gymnasium_register(
            id=ID, entry_point="wmlib.envs.carracing:FastCarRacing", max_episode_steps=1000, reward_threshold=900
        )
