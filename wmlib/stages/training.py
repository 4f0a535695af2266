"""The training loop V and M share: batches by update number, a two-step learning rate, exact resumption."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from wmlib.errors import UserError
from wmlib.runs import MetricLog, Progress, Stage, Stopwatch, present, quiet, read_arrays, write_arrays
from wmlib.seeds import generator
from wmlib.stages.monitor import Monitor

with quiet():  # TensorFlow greets the terminal with its processor's features
    import keras
    import tensorflow as tf

LOG_EVERY = 50  # updates between metric records


def train(
    model,
    batches: Callable[[int], Iterator],
    settings,
    stage: Stage,
    title: str,
    watch: Callable[[MetricLog, int], None] | None = None,
    monitor: Monitor | None = None,
) -> float:
    """Train a compiled Keras model for ``settings.updates`` updates, continuing from the last checkpoint.

    Args:
        model: compiled; ``train_on_batch(batch)`` is one update.
        batches: first update -> iterator of batches from there on.
        settings: has ``updates`` and ``checkpoint_every``.
        watch: called at every checkpoint with the log and the update; records held-out figures and pictures.
        monitor: sees every metric record; no checkpoint is written while it has something to complain about.

    Returns:
        Seconds of training, interruptions not counted.

    Raises:
        UserError: the loss is not finite, or the monitor saw a collapse; the last good checkpoint is kept.
    """
    checkpoint = stage / "checkpoint.npz"
    share_updates(model)
    start = load_checkpoint(checkpoint, model) if present(checkpoint) else 0
    clock = Stopwatch(stage)
    stream = batches(start)
    logged = clock.done("metrics") if start else 0
    with (
        MetricLog(stage.path, start, logged) as log,
        Progress(title, settings.updates, "updates", start) as progress,
    ):
        if watch is not None:
            watch(log, start)  # when resumed, the record that the interruption may have cost
            if start:
                load_checkpoint(checkpoint, model)  # whatever watching drew is given back
        for update in range(start, settings.updates):
            values = model.train_on_batch(parts(model, next(stream)), return_dict=True)
            if not math.isfinite(values["loss"]):
                raise _stopped(stage, update, f"loss is {values['loss']}", "lower the learning rate")
            progress.advance(note=f"loss {values['loss']:.4g}")
            last = update + 1 == settings.updates
            due = (update + 1) % settings.checkpoint_every == 0 or last
            judged = (update + 1) % LOG_EVERY == 0 or last
            if judged or due:  # averages start anew at every checkpoint
                log.scalars(update, **values, learning_rate=float(np.asarray(model.optimizer.learning_rate)))
                model.reset_metrics()
                collapse = monitor.check(values) if monitor and judged else None
                if collapse:
                    raise _stopped(stage, update, *collapse)
            if due:
                if watch is not None:
                    watch(log, update + 1)
                if monitor is None or monitor.healthy:
                    save_checkpoint(checkpoint, model, update + 1)
                    clock.save(updates=update + 1, metrics=log.before(update + 1))
    return clock.seconds


def _stopped(stage: Stage, update: int, seen: str, remedy: str) -> UserError:
    """The one line that ends a training gone wrong."""
    where = "the last good checkpoint is kept, " if present(stage / "checkpoint.npz") else ""
    if stage.resumable:
        way = f"{where}the same command with a changed --set continues from there ({', '.join(stage.resumable)})"
    else:
        way = f"{where}continue with changed settings (--set) in a new --run"
    return UserError(f"{stage.path}: {seen} at update {update}; {remedy}: {way}")


@cache
def devices(count: int) -> tf.distribute.Strategy:
    """Where a model is built and compiled (``with devices(n).scope()``) that ``count`` devices train together.

    A process makes it once: TensorFlow mixes up the sums of two that have the same devices.

    Raises:
        UserError: TensorFlow has fewer.
    """
    if count == 1:
        return tf.distribute.get_strategy()
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(found) < count:
        raise UserError(f"replicas={count}: TensorFlow sees {len(found)} devices of kind {found[0].device_type}")
    return tf.distribute.MirroredStrategy([device.name for device in found[:count]])


def share_updates(model) -> None:
    """Make a compiled model's optimizer ready; of several devices it applies the mean gradient, not Keras' sum. Each
    device's share is clipped, at its share of the bound, so that the bound holds for their mean."""
    with model.distribute_strategy.scope():
        model.optimizer.build(model.trainable_variables)
    count = model.distribute_strategy.num_replicas_in_sync
    if count > 1:
        model.optimizer.loss_scale_factor = float(count)
        model.optimizer.clipvalue = model.optimizer.clipvalue and model.optimizer.clipvalue / count
        one = keras.random.SeedGenerator(model.noise.get_config()["seed"])  # outside the scope there is one for all:
        model.noise.state = one.state  # the devices draw from it in turn


def parts(model, batch):
    """A batch, array or dictionary of arrays, in equal parts, one for each of the model's devices."""
    strategy = model.distribute_strategy
    count = strategy.num_replicas_in_sync
    if count == 1:
        return batch

    def part(context):
        number = context.replica_id_in_sync_group
        return tf.nest.map_structure(lambda array: tf.constant(np.split(array, count)[number]), batch)

    return strategy.experimental_distribute_values_from_function(part)


def fix_seed(seed: int, purpose: str) -> None:
    """Seed Keras and TensorFlow for one training."""
    keras.utils.set_random_seed(int(generator(seed, purpose, "weights").integers(2**31)))


def optimizer_for(settings):
    """Adam with the two-step learning rate of a stage's settings."""
    from wmlib.models.optimizer import build_optimizer

    rates = (settings.learning_rate, settings.final_learning_rate, settings.final_share)
    return build_optimizer(settings.updates, *rates, clip=getattr(settings, "clip", None))


def _state(model) -> list:
    """Every variable an update reads: weights, random generators, optimizer moments (of one or several optimizers)."""
    optimizers = getattr(model, "optimizers", None) or {"": model.optimizer}
    return [*model.variables, *(variable for o in optimizers.values() for variable in o.variables)]


def save_checkpoint(path: Path, model, update: int) -> None:
    """Write the complete training state."""
    save_variables(path, _state(model), {"update": np.array(update)})


def load_checkpoint(path: Path, model) -> int:
    """Restore the training state; returns the number of updates done. Raises UserError on a file of another model."""
    return int(load_variables(path, _state(model), {"update": ()})["update"])


def save_variables(path: Path, variables: list, beside: dict[str, np.ndarray]) -> None:
    """Write variables of Keras by their numbers, and the arrays ``beside`` them by name."""
    numbered = {f"v{index:04d}": np.asarray(variable) for index, variable in enumerate(variables)}
    write_arrays(path, {**beside, **numbered}, level=0)


def load_variables(path: Path, variables: list, beside: dict[str, tuple]) -> dict[str, np.ndarray]:
    """Restore what :func:`save_variables` wrote; returns the arrays of these shapes ``beside`` the variables.

    Raises:
        UserError: the file is of another model; nothing is restored then.
    """
    numbered = {f"v{index:04d}": variable for index, variable in enumerate(variables)}
    shapes = beside | {name: tuple(variable.shape) for name, variable in numbered.items()}
    arrays = read_arrays(path, tuple(shapes), shapes)
    for name, variable in numbered.items():
        variable.assign(arrays[name])
    return {name: arrays[name] for name in beside}
