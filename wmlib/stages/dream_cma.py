"""Stage dream_cma. Reads: V's encoder, M, encoded rollouts. Writes: ``generations.csv``, ``controller.npz``.

The paper's way of learning in a dream (section 4): CMA-ES, whose fitness is the return of whole dreams from an
episode's first frame. Nothing brings C back to reality, so it finds what M is wrong about; the records show by how
much: the dream's return beside the real one.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from wmlib.data.rollouts import read_encoded
from wmlib.envs.dream import Dream
from wmlib.errors import UserError
from wmlib.rollout.executors import make_executor
from wmlib.rollout.lanes import Job
from wmlib.runs import MetricLog, Progress, Stage, Stopwatch, csv_text, read_csv, write_arrays, write_text
from wmlib.search.cmaes import CMAES
from wmlib.seeds import generator, track_seeds
from wmlib.stages.agents import worker_spec
from wmlib.stages.memory import latent_files

COLUMNS = (
    *("generation", "wall_seconds", "dream_mean", "dream_max", "sigma"),
    *("centre_dream_mean", "validation_mean", "validation_std", "validation_n"),
)


def run(chain, stage: Stage) -> None:
    """Search until the last generation; every generation is a resumable checkpoint."""
    from wmlib.models.controller import parameter_count
    from wmlib.models.weights import load_weights

    config, settings = chain.config, chain.config.dream_cma
    world = Dream(load_weights(chain.memory / "memory.npz"))
    firsts = np.stack([read_encoded(file)["mu"][0] for file in latent_files(chain)[0]]).astype(np.float32)
    seed = int(generator(config.seed, "dream search").integers(2**31))
    search = CMAES(parameter_count(config.controller, world.hidden_size), settings.population, settings.sigma, seed)
    if (stage / "search.npz").exists():
        search.resume(stage / "search.npz")
    rows = _read_rows(stage / "generations.csv")[: search.generation]
    if [row["generation"] for row in rows] != list(range(1, search.generation + 1)):
        raise UserError(f"{stage / 'generations.csv'}: lacks generations that search.npz has; use --force")
    clock = Stopwatch(stage)
    spec = worker_spec(config, chain.vision / "encoder.npz", chain.memory / "memory.npz")
    with (
        make_executor(config.rollout, spec) as executor,
        MetricLog(stage.path, resume_at=search.generation + 1) as log,
        Progress(f"{stage.name} (C)", settings.generations, "generations", search.generation) as progress,
    ):
        while search.generation < settings.generations:
            random = generator(config.seed, "dream search", search.generation)
            starts = firsts[random.integers(len(firsts), size=settings.dreams)]
            candidates = search.ask()
            returns = dream_returns(world, config.controller, candidates, starts, settings, int(random.integers(2**31)))
            search.tell(returns)
            row = {
                "generation": search.generation,
                "dream_mean": round(float(returns.mean()), 2),
                "dream_max": round(float(returns.max()), 2),
                "sigma": round(search.sigma, 5),
            }
            last = search.generation == settings.generations
            if settings.validate_every and (search.generation % settings.validate_every == 0 or last):
                seed = int(random.integers(2**31))
                centre = dream_returns(world, config.controller, search.mean[None], firsts[:64], settings, seed)
                row |= {"centre_dream_mean": round(float(centre[0]), 2)} | _validate(chain, search.mean, executor)
            row["wall_seconds"] = round(clock.seconds, 1)
            rows.append({name: row.get(name, "") for name in COLUMNS})
            write_text(stage / "generations.csv", csv_text(COLUMNS, rows))
            log.scalars(search.generation, **{k: v for k, v in row.items() if isinstance(v, float)})
            search.save(stage / "search.npz")  # last: what a resumed search drops is recorded again
            clock.save()
            progress.advance(note=f"dream {row['dream_mean']:.0f}, real {row.get('validation_mean', '?')}")
    write_arrays(stage / "controller.npz", {"parameters": search.mean})
    final = {name: rows[-1][name] for name in ("centre_dream_mean", "validation_mean")}
    stage.finish(clock.seconds, generations=len(rows), **final)


def dream_returns(
    world: Dream, controller, candidates: np.ndarray, starts: np.ndarray, settings, seed: int
) -> np.ndarray:
    """Mean return of each candidate (n, P) over dreams from all starts (m, 32)."""
    parameters = np.repeat(candidates, len(starts), axis=0)
    z = np.tile(starts, (len(candidates), 1))
    dreamt = world.rollout(controller, parameters, z, settings.steps, settings.tau, seed)
    return dreamt.returns.astype(np.float64).reshape(len(candidates), -1).mean(1)


def _validate(chain, mean: np.ndarray, executor) -> dict:
    """The search's mean in the real world, every episode to its end."""
    count = chain.config.dream_cma.validation_tracks
    jobs = [Job(index, 0, seed) for index, seed in enumerate(track_seeds("validation", chain.config.seed, 0, count))]
    totals = np.array([episode.total for episode in executor.run(jobs, mean[None])])
    spread = float(totals.std(ddof=1)) if count > 1 else 0.0
    return {
        "validation_mean": round(float(totals.mean()), 2),
        "validation_std": round(spread, 2),
        "validation_n": count,
    }


def _read_rows(path: Path) -> list[dict]:
    """Rows of ``generations.csv``, numbers parsed; empty when there is none yet."""
    if not os.path.lexists(path):
        return []
    whole = {"generation", "validation_n"}
    return read_csv(path, {name: int if name in whole else float for name in COLUMNS}, optional=COLUMNS)
