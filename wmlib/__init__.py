"""wmlib: World Models (Ha & Schmidhuber 2018) taught, reproduced and surpassed on two CPU cores.

Importing the package is cheap: no TensorFlow, no Gymnasium. ``gymnasium.make("wmlib/CarRacing-v3")`` works as soon as
the package is installed, because ``pyproject.toml`` registers it with Gymnasium's plug-in entry point.
"""

__version__ = "0.1.0"
