"""Settings: one frozen tree of groups, its presets, and the sizes of the task."""

from wmlib.config.actor import ActorConfig
from wmlib.config.groups import (
    CollectConfig,
    EvaluateConfig,
    MemoryConfig,
    RolloutConfig,
    VaeGanConfig,
    VisionConfig,
)
from wmlib.config.searching import ControllerConfig
from wmlib.config.tasks import ACTION_SIZE, FRAME_SHAPE, LATENT_SIZE, MAX_STEPS, TASKS, Task
from wmlib.config.teaching import TeachingConfig
from wmlib.config.tree import SCALES, VISIONS, Config
