"""wmlib: World Models (Ha & Schmidhuber 2018) taught, reproduced and surpassed on two CPU cores.

Importing the package is cheap: no TensorFlow, no Gymnasium. After ``import wmlib``,
``gymnasium.make("wmlib/CarRacing-v3")`` works, whichever of the two is imported first.
"""

import importlib.abc
import importlib.util
import sys

__version__ = "0.1.0"

ENVIRONMENTS = {
    "wmlib/CarRacing-v3": {
        "entry_point": "wmlib.simulator.environment:FastCarRacing",
        "vector_entry_point": "wmlib.envs.vector:FastCarRacingLanes",
        "max_episode_steps": 1000,
        "reward_threshold": 900,
    },
    "wmlib/DreamCarRacing-v0": {
        "entry_point": "wmlib.watch.dreamt:DreamEnvironment",
        "kwargs": {"task": "carracing"},
    },
    "wmlib/DreamTakeCover-v0": {
        "entry_point": "wmlib.watch.dreamt:DreamEnvironment",
        "kwargs": {"task": "takecover"},
    },
}


def register() -> None:
    """Make Gymnasium know our environments; their modules are imported when one is made."""
    from gymnasium.envs.registration import register, registry

    for name, options in ENVIRONMENTS.items():
        if name not in registry:
            register(name, **options)


class _RegisterWithGymnasium(importlib.abc.MetaPathFinder):
    """Waits for Gymnasium to be imported and then adds our environments to its registry.

    Importing Gymnasium here instead would make every ``wmlib --help`` wait for it.
    """

    def find_spec(self, name, path=None, target=None):
        if name != "gymnasium.envs":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_register(module):
            load(module)
            register()

        spec.loader.exec_module = load_and_register
        return spec


if "gymnasium.envs" in sys.modules:
    register()
else:
    sys.meta_path.insert(0, _RegisterWithGymnasium())
