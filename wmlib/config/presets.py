"""The presets as lists of assignments, in the form ``--set`` takes, and what ``vaegan.variant=paper`` sets."""

# fmt: off
PRESETS: dict[str, list[str]] = {
    "full": [
        "iterations=2", "rehearsal=quick", "vae.updates=4000", "vaegan.updates=2500", "memory.updates=2000",
        "controller.tracks=2", "controller.double_tracks_every=40", "controller.generations=80",
        "controller.patience=200", "controller.validate_every=10", "controller.validation_tracks=64",
    ],
    "smoke": [
        "collect.episodes=6", "collect.steps=40", "collect.holdout=0.34", "collect.on_policy_episodes=4",
        "vae.updates=6", "vae.batch_size=16", "vae.checkpoint_every=3",
        "vaegan.updates=6", "vaegan.batch_size=16", "vaegan.checkpoint_every=3",
        "memory.updates=6", "memory.batch_size=4", "memory.sequence_length=16", "memory.checkpoint_every=3",
        "controller.population=4", "controller.tracks=1", "controller.generations=2", "controller.patience=10",
        "controller.validate_every=1", "controller.validation_tracks=2", "rollout.lanes=4", "evaluate.tracks=2",
        "actor.lanes=8", "actor.warm_up=1", "actor.critic_units=8",
        "teaching.generations=1", "teaching.population=4", "teaching.tracks=1", "teaching.rounds=2",
        "teaching.episodes=2", "teaching.patience=10", "teaching.batch_size=16",
    ],
    "quick": [
        "collect.episodes=500", "collect.steps=300", "vae.updates=1500", "vae.final_learning_rate=2e-4",
        "vaegan.updates=400", "vaegan.final_learning_rate=2e-4",
        "memory.updates=700", "memory.final_learning_rate=2e-4", "controller.tracks=2", "controller.patience=60",
        "controller.generations=60", "controller.validation_tracks=16", "evaluate.tracks=20",
        "teaching.generations=40", "teaching.rounds=8",
    ],
    "paper": [
        "encoder_compute=float32", "collect.episodes=10000", "collect.steps=1000",
        "vae.updates=1000000", "vae.learning_rate=1e-4", "vae.final_share=0.0",
        "vaegan.updates=1000000", "vaegan.learning_rate=1e-4", "vaegan.final_share=0.0",
        "memory.batch_size=100", "memory.sequence_length=999", "memory.updates=4000", "memory.final_share=0.0",
        "controller.tracks=16", "controller.generations=1800", "controller.patience=0",
        "controller.validate_every=25", "controller.validation_tracks=1024",
    ],
}
# What task=NAME sets: its own at every scale (paper, appendix A.1 to A.3 and section 4), then what a scale needs
TASK_PRESETS: dict[str, dict[str, list[str]]] = {
    "takecover": {
        "": [
            "memory.hidden_size=512", "memory.whole_ends=true", "controller.inputs=zch", "controller.world=dream",
            "controller.tau=1.15", "controller.patience=0", "controller.tracks=4", "controller.double_tracks_every=0",
            "iterations=1", "rehearsal=", "keep_vision=true", "memory.own_share=0.5", "collect.steps=2100",
            "collect.on_policy_noise=1.0",
        ],
        "smoke": [
            "memory.hidden_size=16", "controller.tracks=2", "controller.dream_steps=8", "collect.steps=120",
        ],
        "quick": [
            "collect.episodes=300", "collect.on_policy_episodes=60", "iterations=2", "vae.updates=800",
            "memory.updates=1200", "memory.later_updates=400", "memory.latent_noise=0.05", "controller.sees=mean",
            "controller.population=32", "controller.generations=20", "controller.early_generations=10",
            "controller.validation_tracks=64", "evaluate.tracks=100",
        ],
        "full": [
            "collect.episodes=2000", "collect.on_policy_episodes=200", "iterations=6", "vae.updates=2200",
            "memory.batch_size=16", "memory.updates=10000", "memory.later_updates=2500", "memory.latent_noise=0.05",
            "memory.own_share=0", "controller.sees=mean", "controller.generations=60",
            "controller.early_generations=20", "controller.validate_every=20", "controller.validation_tracks=32",
        ],
    },
}
# What vaegan.variant=paper sets, besides the form of the losses
PAPER_VAEGAN = {
    "gamma": 1e-6, "feature_layer": 4, "pixel_weight": 0.0, "kl_floor": 0.0, "batch_size": 64,
    "learning_rate": 3e-4, "discriminator_learning_rate": 3e-4,
}
# C learnt in M alone, on CarRacing: the random driver's data of `quick`, then rounds of driving, learning and dreaming
PRESETS["dream"] = [
    *PRESETS["quick"], "iterations=8", "keep_vision=true", "evaluate.tracks=100",
    "collect.on_policy_episodes=24", "collect.on_policy_patience=100", "collect.on_policy_noise=0",
    "collect.on_policy_spread=0.5", "memory.updates=1700", "memory.later_updates=300", "memory.later_rate=1e-3",
    "memory.own_share=0.7", "memory.loss_share=0.3", "memory.beginnings=0.15", "memory.lost_ends=true",
    "memory.reward_spread=12", "memory.reward_share=4", "memory.latent_noise=0.05", "controller.world=dream",
    "controller.dream_starts=replayed", "controller.dream_steps=200", "controller.dream_return=episode",
    "controller.caution=1.5", "controller.late_from=7", "controller.late_tau=1.4", "controller.late_steps=700",
    "memory.late_updates=1000",
    "controller.begins_at=search", "controller.reads=first", "controller.sees=mean", "controller.population=128",
    "controller.tracks=24", "controller.generations=8", "controller.validate_every=8",
    "controller.validation_tracks=32", "controller.sigma_limit=0.15", "controller.sigma_halves=64",
]
# fmt: on
PRESETS["long"] = [*PRESETS["full"], "controller.double_tracks_every=100", "controller.generations=200"]
TASK_PRESETS["takecover"]["long"] = [*TASK_PRESETS["takecover"]["full"], "controller.generations=200"]
