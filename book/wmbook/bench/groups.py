"""What is measured: the contenders of each group and the comparisons drawn from them."""

from __future__ import annotations

from dataclasses import dataclass

from wmbook.bench.measure import Comparison, Contender
from wmlib.config import Config
from wmlib.runs import available_cores

LANES = (1, 8, 16, 32, 64, 128)
POPULATIONS = (16, 64, 128)  # one track each
SHARE = 32  # cars of each worker when workers are counted


@dataclass(frozen=True)
class Group:
    """Contenders that take turns, and what is compared among them."""

    key: str
    contenders: tuple[Contender, ...]
    comparisons: tuple[Comparison, ...]


def simulator() -> Group:
    """One process on one core, no models."""
    ours, factory = "wmlib/CarRacing-v3", "wmbook.bench.simulator:"
    contenders = (
        Contender("gymnasium", "Gymnasium CarRacing-v3, 96x96", factory + "Environment", {"id": "CarRacing-v3"}),
        Contender("envpool", "EnvPool CarRacing-v3, 96x96, 8 cars", factory + "EnvPool", needs="envpool"),
        Contender(
            "env96",
            "wmlib environment, 96x96",
            factory + "Environment",
            {"id": ours, "observation": "96x96", "samples": 2},
        ),
        Contender(
            "env64v",
            "wmlib environment, 64x64, V's quality (3x3 samples)",
            factory + "Environment",
            {"id": ours, "observation": "64x64", "samples": 3},
        ),
        Contender(
            "env64",
            "wmlib environment, 64x64, search quality (2x2)",
            factory + "Environment",
            {"id": ours, "observation": "64x64", "samples": 2},
        ),
        Contender("lockstep64v", "wmlib lockstep, 32 cars, V's quality (3x3)", factory + "Lockstep", {"samples": 3}),
        Contender("lockstep64", "wmlib lockstep, 32 cars, search quality (2x2)", factory + "Lockstep", {"samples": 2}),
    )
    keys = tuple(contender.key for contender in contenders)
    own = tuple(key for key in keys if key not in ("gymnasium", "envpool"))
    return Group(
        "simulator",
        contenders,
        (
            Comparison("simulator", "Simulator, one core", "steps", "steps/s", "gymnasium", keys),
            Comparison("against_envpool", "The same, against EnvPool", "steps", "steps/s", "envpool", own),
            Comparison("reset", "New track", "reset", "ms", "gymnasium", keys, less_is_better=True),
            Comparison("memory", "Memory of one car", "memory", "MB", "gymnasium", keys, less_is_better=True),
        ),
    )


def rollout() -> Group:
    """Environment, V, M and C."""
    cores, factory = available_cores(), "wmbook.bench.rollout:"
    compute = Config().encoder_compute
    workers = [2**power for power in range(cores.bit_length()) if 2**power < cores] + [cores]
    contenders = [
        Contender("usual", "one car per process, model(x)", factory + "UsualLoop", {"compiled": False}, "usual"),
        Contender("usual_compiled", "the same, tf.function", factory + "UsualLoop", {"compiled": True}, "usual"),
    ]
    for count in POPULATIONS:
        label = f"wmlib, 64 candidates, V in {compute}" if count == 64 else f"{count} candidates"
        contenders.append(
            Contender(f"population_{count}", label, factory + "Generation", {"population": count}, "generations")
        )
    other = "int8" if compute == "float32" else "float32"
    options = {"population": 64, "compute": other}
    contenders.append(
        Contender("other_compute", f"the same, V in {other}", factory + "Generation", options, "generations")
    )
    for count in workers:
        options = {"population": SHARE * count, "workers": count}
        label = f"{count} worker{'s' if count > 1 else ''}, {SHARE} cars each"
        contenders.append(Contender(f"workers_{count}", label, factory + "Generation", options, "generations"))
    for count in LANES:
        label = f"{count} lane{'s' if count > 1 else ''}"
        contenders.append(
            Contender(f"lanes_{count}", label, "wmbook.bench.lockstep:Lanes", {"lanes": count}, "lockstep")
        )
    contenders.append(Contender("profile", "profile", "wmbook.bench.lockstep:Profile", {"lanes": 64}, "lockstep"))

    def keys(prefix: str) -> tuple[str, ...]:
        return tuple(contender.key for contender in contenders if contender.key.startswith(prefix))

    return Group(
        "rollout",
        tuple(contenders),
        (
            Comparison("rollout", "Environment + V + M + C, all cores", "steps", "steps/s", "usual",
                       ("usual", "usual_compiled", "population_64", "other_compute")),
            Comparison("lanes", "One worker, by lanes", "steps", "steps/s", "lanes_1", keys("lanes_")),
            Comparison("workers", "A generation, by workers", "steps", "steps/s", "workers_1", keys("workers_")),
            Comparison("population", "A generation, by population", "steps", "steps/s",
                       f"population_{POPULATIONS[0]}", keys("population_")),
        ),
    )  # fmt: skip


def training() -> Group:
    """Updates of V and M, and encoding."""
    factory, host = "wmbook.bench.training:", "keras"
    contenders = (
        Contender("vae_plain", "Keras layers and fit", factory + "PlainVisionTraining", host=host),
        Contender("vae_ours", "wmlib", factory + "VisionTraining", host=host),
        Contender("vae_bfloat16", "wmlib, bfloat16", factory + "VisionTraining", {"compute": "bfloat16"}, host,
                  instructions=("amx_bf16", "avx512_bf16")),
        Contender("memory_plain", "Keras layers and fit", factory + "PlainMemoryTraining", host=host),
        Contender("memory_ours", "wmlib", factory + "MemoryTraining", host=host),
        Contender("encode_plain", "Keras predict", factory + "PlainEncoding", host=host),
        Contender("encode_float32", "wmlib, float32, a process per core", factory + "Encoding", {"compute": "float32"}),
        Contender("encode_int8", "wmlib, int8, a process per core", factory + "Encoding", {"compute": "int8"}),
    )  # fmt: skip
    return Group(
        "training",
        contenders,
        (
            Comparison("vae", "Training V", "rate", "images/s", "vae_plain",
                       ("vae_plain", "vae_ours", "vae_bfloat16")),
            Comparison("memory_training", "Training M", "rate", "tokens/s", "memory_plain",
                       ("memory_plain", "memory_ours")),
            Comparison("encoding", "Encoding frames", "rate", "images/s", "encode_plain",
                       ("encode_plain", "encode_float32", "encode_int8")),
        ),
    )  # fmt: skip


def dream() -> Group:
    """Driving inside M; CMA-ES rides along for the projection."""
    factory, host = "wmbook.bench.dreaming:", "keras"
    contenders = (
        Contender("dream_single", "Keras, one dream, tf.function", factory + "PlainDreaming",
                  {"lanes": 1, "compiled": True}, host),
        Contender("dream_plain", "Keras, 1,024 dreams, model(x)", factory + "PlainDreaming",
                  {"lanes": 1024, "compiled": False}, host),
        Contender("dream_compiled", "Keras, 1,024 dreams, tf.function", factory + "PlainDreaming",
                  {"lanes": 1024, "compiled": True}, host),
        Contender("dream_ours", "wmlib, 1,024 dreams", factory + "Dreaming"),
        Contender("search", "CMA-ES, 867 parameters, 64 candidates", factory + "Search"),
    )  # fmt: skip
    keys = ("dream_single", "dream_plain", "dream_compiled", "dream_ours")
    return Group(
        "dream",
        contenders,
        (
            Comparison("dream", "Dream, all cores", "steps", "steps/s", "dream_plain", keys),
            Comparison("search", "CMA-ES between generations", "search", "s", "search", ("search",)),
        ),
    )


GROUPS = {"simulator": simulator, "rollout": rollout, "training": training, "dream": dream}
