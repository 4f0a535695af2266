"""What others measured, with the source of each number: the yardsticks beside our own results."""

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
    "vae-z": "V only: z",
    "vae-z-hidden": "V only: z, hidden layer",
}

# The authors' own search, from the logs in their repository (carracing/log/carracing.cma.16.64.hist*.json):
# generation, mean of the population, score of the mean solution over 1,024 episodes, hours on 64 cores.
LEARNING_CURVE = (
    (1, -54.6, None, 0.7),
    (5, 40.8, None, 3.0),
    (10, 307.9, None, 6.1),
    (15, 438.3, None, 9.1),
    (20, 585.2, None, 12.1),
    (25, 668.3, 822.9, 15.1),
    (50, 766.8, 867.5, 29.3),
    (75, 766.9, 869.9, 43.5),
    (100, 799.5, 867.0, 57.7),
    (150, 822.4, 875.5, 86.0),
    (200, 822.9, 880.4, 114.1),
    (300, 843.8, 883.2, 179.6),
    (500, 863.7, 890.6, 315.6),
    (1000, 881.7, 892.2, 628.8),
    (1800, 890.4, 900.5, 1118.6),
)
CORES = 64  # of the authors' search
EPISODES_PER_GENERATION = 1024  # 64 candidates x 16 tracks

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
