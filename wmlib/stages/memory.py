"""Stage memory. Reads: encoded rollouts. Writes: ``memory.npz`` (M's weights), metrics.

Minimises the negative log-likelihood of the next z under a mixture of Gaussians, given z, a and h (paper section 3.2),
plus reward and done heads.
"""

from __future__ import annotations

from wmlib.data.batches import SequenceBatches, prefetch
from wmlib.data.rollouts import split
from wmlib.runs import Stage, Stopwatch
from wmlib.stages.training import devices, fix_seed, optimizer_for, train

HELD_OUT_BATCHES = 4


def latent_files(chain, since: int = 1) -> tuple[list, list]:
    """Training and held-out latent files of an iteration and all later ones, split exactly like the frames V saw."""
    from wmlib.data.rollouts import RolloutStore

    training, held_out, first = [], [], 0
    for iteration, stage in enumerate(chain.collections, start=1):
        count = len(RolloutStore(stage / "rollouts").files())
        files = [chain.encode / "latents" / f"{index:06d}.npz" for index in range(first, first + count)]
        first += count
        if iteration >= since:
            parts = split(files, chain.config.collect.holdout)
            training += parts[0]
            held_out += parts[1]
    return training, held_out


def run(chain, stage: Stage) -> None:
    """Train M (or keep its random weights) and write them."""
    from wmlib.models.mdnrnn import MDNRNN, faster
    from wmlib.models.weights import load_weights, model_weights, save_weights, set_model_weights

    config, settings = chain.config, chain.config.memory
    sizes = {"latent_size": config.numbers.latent_size, "action_size": config.numbers.action_size}
    fix_seed(config.seed, "memory")
    with devices(config.replicas).scope():
        model = MDNRNN(settings, **sizes, seed=config.seed)
        if config.replicas == 1:
            model = faster(model)  # the same gradient, from compiled loops
        if settings.trained:
            model.compile(optimizer=optimizer_for(settings))
    if not settings.trained:
        clock = Stopwatch(stage)
        save_weights(stage / "memory.npz", model_weights(model.network))
        stage.finish(clock.seconds, updates=0)
        return
    if chain.iteration > 1 and settings.later_updates:
        set_model_weights(model.network, load_weights(chain.at(chain.iteration - 1).memory / "memory.npz"))
    training, held_out = latent_files(chain)
    window = settings.batch_size, settings.sequence_length
    own = latent_files(chain, since=2)[0] if settings.own_share else []
    ends = {name: getattr(settings, name) for name in ("whole_ends", "lost_ends", "reward_spread")}
    ends["noise"] = settings.latent_noise
    shares = {name: getattr(settings, name) for name in ("own_share", "loss_share", "beginnings")}
    batches = SequenceBatches(training, *window, config.seed, own=own, **shares, **ends)
    test = SequenceBatches(held_out, *window, 0, **ends)
    figures = {}

    def stream(first: int):
        return prefetch(lambda: (batches.at(update) for update in range(first, settings.updates)), depth=2)

    def watch(log, update: int) -> None:
        results = [model.measure(test.at(index)) for index in range(HELD_OUT_BATCHES)]
        figures.update({name: sum(r[name] for r in results) / len(results) for name in results[0]})
        log.scalars(update, **{f"held_out_{name}": value for name, value in figures.items()})

    seconds = train(model, stream, settings, stage, f"{stage.name} (M)", watch)
    save_weights(stage / "memory.npz", model_weights(model.network))
    tokens = settings.updates * settings.batch_size * settings.sequence_length
    stage.finish(
        seconds,
        updates=settings.updates,
        tokens_per_second=round(tokens / seconds),
        **{name: round(float(value), 4) for name, value in figures.items()},
    )
    (stage / "checkpoint.npz").unlink(missing_ok=True)
