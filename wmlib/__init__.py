"""wmlib: World Models (Ha & Schmidhuber 2018) taught, reproduced and surpassed on two CPU cores.

Importing the package is cheap: no TensorFlow, no Gymnasium. After ``import wmlib``,
``gymnasium.make("wmlib/CarRacing-v3")`` works, whichever of the two is imported first.
"""

import importlib.abc
import importlib.util
import sys

__version__ = "0.1.0"


class _RegisterWithGymnasium(importlib.abc.MetaPathFinder):
    """Waits for Gymnasium to be imported and then adds our environment to its registry.

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
            from wmlib.envs import register

            register()

        spec.loader.exec_module = load_and_register
        return spec


if "gymnasium.envs" in sys.modules:
    from wmlib.envs import register

    register()
else:
    sys.meta_path.insert(0, _RegisterWithGymnasium())
