"""What others measured, with the source of each number: the yardsticks beside our own results."""

from __future__ import annotations

from typing import NamedTuple

# CarRacing-v0, 100 tracks: Ha and Schmidhuber 2018, table 1.
SCORES = {
    "deep Q-network (Prieur 2017)": {"mean": 343, "std": 18},
    "A3C, continuous actions (Jang 2017)": {"mean": 591, "std": 45},
    "A3C, discrete actions (Khan and Elibol 2016)": {"mean": 652, "std": 10},
    "ceobillionaire (Gym leaderboard)": {"mean": 838, "std": 11},
    "V only: z": {"mean": 632, "std": 251},
    "V only: z, hidden layer": {"mean": 788, "std": 141},
    "full world model: z and h": {"mean": 906, "std": 21},
}

# Which published row asks the same question as which of our arms.
COUNTERPART = {
    "vae-zh": "full world model: z and h",
    "vae-zh-long": "full world model: z and h",
    "vae-z": "V only: z",
    "vae-z-hidden": "V only: z, hidden layer",
}

# Other drivers' scores over 100 tracks or more of the real environment, where the source itself states them:
# score, environment, key in book/references.bib, remark. Shorter evaluations and second-hand numbers are left out.
OTHERS = {
    "AttentionAgent": (914, 15, "CarRacing-v0", "tang2020neuroevolution", "attention in place of V"),
    "deep genetic algorithm": (903, 72, "CarRacing-v0", "risi2019deep", "V, M and C evolved together"),
    "weight-agnostic network, tuned": (893, 74, "CarRacing-v0", "gaier2019weight", "on a VAE's z, no memory"),
    "World Models in TensorFlow 2": (888, 49, "CarRacing-v0", "wellmer2020code", "best evaluation in its log"),
    "World Models in PyTorch, untrained M": (870, 120, "CarRacing-v0", "tallec2019reproducing", "M stays random"),
    "World Models in PyTorch": (860, 120, "CarRacing-v0", "tallec2019reproducing", "1,000 rollouts of data"),
    "dream with dropout": (789, 180, "CarRacing-v0, 289 tiles", "wellmer2021dropout", "trained in the dream only"),
}

# DoomTakeCover, 100 games and as many dreams: the same paper, table 2; the key is the temperature.
DOOM = {
    0.10: {"dream": {"mean": 2086, "std": 140}, "game": {"mean": 193, "std": 58}},
    0.50: {"dream": {"mean": 2060, "std": 277}, "game": {"mean": 196, "std": 50}},
    1.00: {"dream": {"mean": 1145, "std": 690}, "game": {"mean": 868, "std": 511}},
    1.15: {"dream": {"mean": 918, "std": 546}, "game": {"mean": 1092, "std": 556}},
    1.30: {"dream": {"mean": 732, "std": 269}, "game": {"mean": 753, "std": 139}},
    "random": {"game": {"mean": 210, "std": 108}},
}


class Generation(NamedTuple):
    """One row of the authors' log: returns of the population's members, of the mean solution, and what it cost."""

    generation: int
    mean: float  # of the 64 members
    worst: float
    best: float
    validated: float | None  # the mean solution over 1,024 episodes
    hours: float  # on 64 cores, since the search began
    frames: int  # average length of an episode


# The authors' own search, from the logs in their repository, carracing/log/carracing.cma.16.64.hist.json and
# carracing.cma.16.64.hist_best.json (revision fd982b9).
SEARCH_LOG = tuple(
    Generation(*row)
    for row in (
        (1, -54.6, -82.1, 35.1, None, 0.7, 999),
        (5, 40.8, -72.2, 319.5, None, 3.0, 989),
        (10, 307.9, -17.3, 660.2, None, 6.1, 994),
        (15, 438.3, -0.7, 772.2, None, 9.1, 996),
        (20, 585.2, 224.9, 785.6, None, 12.1, 997),
        (25, 668.3, 349.9, 845.6, 822.9, 15.1, 995),
        (30, 680.0, 303.4, 846.1, None, 18.3, 996),
        (40, 740.7, 338.1, 870.0, None, 23.8, 993),
        (50, 766.8, 551.7, 870.0, 867.5, 29.3, 991),
        (75, 766.9, 479.0, 878.9, 869.9, 43.5, 984),
        (100, 799.5, 493.9, 867.7, 867.0, 57.7, 979),
        (150, 822.4, 720.0, 888.7, 875.5, 86.0, 975),
        (200, 822.9, 672.8, 897.1, 880.4, 114.1, 967),
        (300, 843.8, 608.9, 899.0, 883.2, 179.6, 966),
        (400, 850.2, 698.3, 896.0, 883.5, 247.8, 953),
        (500, 863.7, 644.8, 900.4, 890.6, 315.6, 941),
        (600, 863.9, 751.9, 905.0, 890.7, 383.0, 937),
        (800, 880.1, 824.8, 909.1, 894.7, 504.0, 931),
        (1000, 881.7, 838.6, 905.3, 892.2, 628.8, 927),
        (1200, 884.6, 826.0, 911.8, 893.6, 757.1, 916),
        (1400, 888.2, 809.5, 910.3, 896.7, 881.3, 911),
        (1600, 895.5, 866.1, 912.6, 896.8, 1000.4, 904),
        (1700, 890.6, 840.8, 918.5, 896.7, 1059.6, 897),
        (1800, 890.4, 813.7, 911.2, 900.5, 1118.6, 903),
    )
)
LEARNING_CURVE = tuple((row.generation, row.mean, row.validated, row.hours) for row in SEARCH_LOG)
CORES = 64  # of the authors' search
EPISODES_PER_GENERATION = 1024  # 64 candidates x 16 tracks, and as many for each validation

# What the authors' published CarRacing agent was made with, from the same repository (README, carracing/*.py and log).
ORIGINAL = {
    "frames": 10_000 * 1_000,
    "vision": "10 epochs",
    "memory": 4_000,
    "population": 64,
    "tracks": 16,
    "generations": 1_800,
    "million_steps": 1_750,
}
