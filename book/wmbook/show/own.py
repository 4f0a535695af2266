"""A run of the reader's own beside the book's: data, V, M, a dream, C and the score, one figure for each chapter.

Every function takes a chapter (:class:`wmbook.press.chapter.Chapter`); without a run of one's own it shows the book's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from wmbook.records.records import Records
from wmbook.show import comparison, figures, learning
from wmbook.show.tables import markdown_table
from wmlib.config import FRAME_SHAPE, LATENT_SIZE
from wmlib.data.rollouts import RolloutStore
from wmlib.runs import read_metrics
from wmlib.seeds import generator
from wmlib.stages.agents import agent_of

ARM, SEED = "vae-zh", 0  # the book's run
OURS, THEIRS = "your run", "the book's run"
DREAM = 100  # frames
WATCHED = 60  # frames of the real drive before the dream begins
TICKS = (10, 20, 50, 100, 200, 500, 1000)  # of a logarithmic axis


def _spread(length: int) -> np.ndarray:
    """Eight places, evenly from first to last."""
    return np.linspace(0, length - 1, 8).astype(int)


def _colours() -> tuple[dict, dict]:
    return (
        {"color": figures.VERMILLION, "marker": "o", "markersize": 3, "label": OURS},
        {"color": figures.BLUE, "linestyle": "--", "label": THEIRS},
    )


def data(chapter) -> None:
    """Eight frames of the first recorded episode, and of the last."""
    if chapter.mine:
        files = RolloutStore(chapter.chain.collect / "rollouts").files()
        rows = {f"episode {int(file.stem)}": RolloutStore.read(file).frames for file in (files[0], files[-1])}
        figures.frame_strip({name: frames[_spread(len(frames))] for name, frames in rows.items()})
        summary = chapter.chain.collect.summary()
        print(f"{summary['episodes']} episodes, {summary['frames']:,} frames, mean return {summary['mean_return']:.0f}")
    stages = Records().stages(ARM, SEED)
    collected = [stage for name, stage in stages.items() if name.startswith("collect")]
    frames = sum(stage["frames"] for stage in collected)
    print(f"{THEIRS}: {sum(stage['episodes'] for stage in collected)} episodes, {frames:,} frames")


def _holds(chapter, *parts: str) -> bool:
    """Whether there is a run of the reader's own with these stages done; if it lacks them, how it gets them."""
    done = chapter.mine and all(chapter.chain.stage(part).done for part in parts)
    if chapter.mine and not done:
        arm = chapter.chain.config.vision
        print(f"Your run has no {' and '.join(parts)} of vision={arm} yet: wmlib run --run DIR --set vision={arm}")
    return done


def _training(axes, chapter, part: str, column: str, arm: str = ARM) -> None:
    """A held-out figure over the updates, of both runs."""
    ours, theirs = _colours()
    recorded = Records().training(arm, part, SEED)
    known = np.isfinite(recorded[column])
    axes.plot(recorded["step"][known], recorded[column][known], **theirs)
    if _holds(chapter, part):
        rows = [row for row in read_metrics(chapter.chain.stage(part) / "metrics.jsonl") if column in row]
        axes.plot([row["step"] for row in rows], [row[column] for row in rows], **ours)
    axes.set(xlabel="updates")


def vision(chapter, arm: str = ARM) -> None:
    """How V was trained, held-out frames through it, and what it draws from noise."""
    _, axes = figures.new_figure(figures.PAGE, 2.2)
    _training(axes, chapter, "vision", "held_out_reconstruction", arm)
    axes.set(yscale="log", ylabel="squared error of a frame")
    axes.minorticks_off()
    axes.set_yticks(TICKS, TICKS)
    axes.set_ylim(*axes.dataLim.intervaly * (0.8, 1.25))
    figures.label_lines(axes)
    if chapter.mine and chapter.chain.vision.done:
        frames = _held_out(chapter)
        encode, decode = _eyes(chapter.agent())
        noise = generator(SEED, "notebook", "prior").standard_normal((len(frames), LATENT_SIZE)).astype(np.float32)
        figures.frame_strip({"frame": frames, "your V": decode(encode(frames)[0]), "from noise": decode(noise)})


def compared(chapter, gain: Callable[[Path, str], float]):
    """The same held-out frames through the reader's VAE and VAE/GAN, and both arms' figures beside the book's.

    Args:
        gain: of a run folder and a V, what its M gains: :func:`wmbook.compare.measure.gain`.

    Returns:
        The table, set as on the page; None without a run of one's own that has both arms' V and M.
    """
    import matplotlib.pyplot as plt
    from IPython.display import Markdown

    if not _holds(chapter, "vision", "memory"):
        return None
    record, scores = Records().comparison, Records().scores
    arms = {"VAE": chapter.arm("vision=vae"), "VAE/GAN": chapter.chain}
    pictures, columns = {"frame": _held_out(chapter)}, {}
    for name, chain in arms.items():
        encode, decode = _eyes(agent_of(chain))
        pictures[f"your {name}"] = decode(encode(pictures["frame"])[0])
        score = f"{chain.evaluate.summary()['mean']:.0f}" if chain.evaluate.done else "no driver yet"
        known = gain(chain.folder, chain.config.vision)
        columns[f"your {name}"] = chain.vision.summary()["reconstruction"], known, score
    for name, arm in (("VAE", "vae"), ("VAE/GAN", "vaegan")):
        error, known = (comparison.summary(record, arm, key)["value"] for key in ("pixels/mse", "memory/gain"))
        score = np.mean([run["mean"] for run in scores[f"{arm}-zh"]["train_seeds"].values()])
        columns[f"the book's {name}"] = error * np.prod(FRAME_SHAPE), known, f"{score:.0f}"
    figures.frame_strip(pictures)
    plt.show()  # above the table
    errors, gains, returns = zip(*columns.values(), strict=True)
    rows = (
        ["squared error of a frame ↓", *(f"{error:.1f}" for error in errors)],
        ["what M gains over the marginal, nats a step ↑", *(f"{gain:.2f}" for gain in gains)],
        ["return on test tracks ↑", *returns],
    )
    return Markdown(markdown_table(["measurement", *columns], rows))


def _held_out(chapter) -> np.ndarray:
    """Eight frames that V was not trained on."""
    from wmlib.stages.vision import frame_files

    frames = RolloutStore.read(frame_files(chapter.chain)[1][0]).frames
    return frames[_spread(len(frames))]


def _eyes(agent):
    """V's encoder and decoder, as functions of arrays."""
    from wmlib.models.inference import FrameEncoder
    from wmlib.models.vae import build_decoder
    from wmlib.models.weights import load_weights, set_model_weights

    decoder = build_decoder()
    set_model_weights(decoder, load_weights(agent.path("decoder")), "decoder weights")
    return FrameEncoder(load_weights(agent.path("encoder"))), decoder.predict_on_batch


def memory(chapter) -> None:
    """How M was trained: nats per latent dimension on held-out episodes, and the error of the reward."""
    _, (left, right) = figures.new_figure(figures.PAGE, 2.4, 1, 2)
    _training(left, chapter, "memory", "held_out_nll")
    left.set(ylabel="nats per latent dimension")
    _training(right, chapter, "memory", "held_out_reward")
    right.set(ylabel="squared error of the reward")
    for axes in (left, right):
        figures.label_lines(axes)


def dream(chapter) -> None:
    """A recorded drive, V's pictures of it, and M's dream of the same actions from the same moment."""
    if not chapter.mine:
        return
    from wmlib.models.inference import MemoryStep
    from wmlib.models.mixture import mixture, mixture_mean
    from wmlib.models.weights import load_weights
    from wmlib.stages.vision import frame_files

    agent = chapter.agent()
    episode = RolloutStore.read(frame_files(chapter.chain)[1][0])
    encode, decode = _eyes(agent)
    weights = load_weights(agent.path("memory"))
    step, z = MemoryStep(weights), encode(episode.frames)[0]
    h = c = np.zeros((1, step.hidden_size), np.float32)
    watched = min(WATCHED, len(episode) // 2)
    dreamt, now = [], z[:1]
    for t in range(min(watched + DREAM, len(episode))):
        now = z[t : t + 1] if t <= watched else now  # from then on M lives on its own predictions
        if t >= watched:
            dreamt.append(now[0])
        h, c = step(now, episode.actions[t : t + 1], h, c)
        now = mixture_mean(*mixture(weights, h)[:2]).astype(np.float32)
    shown = _spread(len(dreamt))
    rows = {"frame": episode.frames[watched + shown], "your V": decode(z[watched + shown])}
    rows["your M's dream"] = decode(np.array(dreamt)[shown])
    figures.frame_strip(rows, [f"{t / 50:.1f} s" for t in shown])


def controller(chapter) -> None:
    """The search: the mean solution on validation tracks, over the frames driven."""
    ours, theirs = _colours()
    _, axes = figures.new_figure(figures.PAGE, 2.6)
    curve = learning.curve(Records(), ARM, SEED)
    known = np.isfinite(curve["validation_mean"])
    axes.plot(curve["env_steps"][known] / 1e6, curve["validation_mean"][known], **theirs)
    if chapter.mine:
        from wmlib.stages.curve import read_curve

        rows = read_curve(chapter.chain.controller / "learning_curve.csv")
        steps = [row["env_steps"] / 1e6 for row in rows]
        axes.plot(steps, [row["population_mean"] for row in rows], color=figures.GREY, linewidth=0.8)
        rows = [row for row in rows if row["validation_mean"] != ""]
        axes.plot([row["env_steps"] / 1e6 for row in rows], [row["validation_mean"] for row in rows], **ours)
    axes.set(xlabel="million steps of the last search", ylabel="validated return")
    figures.label_lines(axes)


def score(chapter) -> None:
    """The score on test tracks in unmodified Gymnasium, with its interval."""
    scores = {THEIRS: Records().scores[ARM]["train_seeds"][str(SEED)]}
    if chapter.mine:
        scores = {OURS: chapter.chain.evaluate.summary(), **scores}
    for name, found in scores.items():
        print(_score(name, found))


def _score(name: str, found: dict) -> str:
    low, high = found["ci95"]
    spread = f"{found['mean']:.0f} ± {found['std']:.0f} on {found['n']} test tracks"
    return f"{name:15s} {spread}, 95 % interval of the mean {low:.0f} to {high:.0f}"
