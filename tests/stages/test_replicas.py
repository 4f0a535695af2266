"""V and M on several devices: two of TensorFlow's CPU devices, which must be made before it starts, so elsewhere."""

import subprocess
import sys

import pytest

from wmlib.config import Config
from wmlib.errors import UserError
from wmlib.stages.chain import Chain

TWO = """
import sys
import tensorflow as tf

processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
"""
ONE_UPDATE = """
import numpy as np
from wmlib.config import MemoryConfig
from wmlib.models.mdnrnn import MDNRNN
from wmlib.stages.training import devices, optimizer_for, parts, share_updates

settings, random = MemoryConfig(hidden_size=8, mixtures=2), np.random.default_rng(0)
shapes = {"mu": (4, 6, 32), "log_variance": (4, 6, 32), "action": (4, 5, 3), "reward": (4, 5), "done": (4, 5)}
batch = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
batch["log_variance"][:] = -50  # no noise, of which every device has its own
found = []
for count in (1, 2):
    with devices(count).scope():
        model = MDNRNN(settings, seed=1)
        model.compile(optimizer=optimizer_for(settings))
    share_updates(model)
    losses = [model.train_on_batch(parts(model, batch), return_dict=True)["loss"] for _ in range(3)]
    found.append([np.array(losses), *map(np.asarray, model.learnt)])
    draws = int(np.asarray(model.noise.state)[1])
    assert draws == 3 * count, draws
for one, two in zip(*found):
    np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
"""
STAGES = """
from wmlib.config import Config
from wmlib.stages.chain import run_all

config = Config.preset("smoke").override(["rollout.executor=serial", "replicas=2"])
run_all(config, sys.argv[1], last="memory")
"""


def on_two_devices(code: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", TWO + code, *arguments], capture_output=True, text=True)


def test_an_update_on_two_devices_is_the_update_on_one():
    done = on_two_devices(ONE_UPDATE)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_v_and_m_are_trained_on_two_devices(tmp_path):
    done = on_two_devices(STAGES, str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (Config.preset("smoke").override([f"replicas={count}"]) for count in (1, 2))
    for name in ("vision", "memory"):
        assert Chain(two, tmp_path).stage(name).done
        assert Chain(one, tmp_path).stage(name).identity != Chain(two, tmp_path).stage(name).identity
    assert Chain(two, tmp_path).vision.summary()["reconstruction"] < 3000


def test_what_cannot_be_shared_is_refused_in_one_line():
    from wmlib.stages.training import devices

    smoke = Config.preset("smoke")
    for wrong, said in (("vision=vaegan", "train on one device"), ("memory.batch_size=3", "must be a multiple")):
        with pytest.raises(UserError, match=said):
            smoke.override([wrong, "replicas=2"])
    with pytest.raises(UserError, match="replicas=64: TensorFlow sees"):
        devices(64)
