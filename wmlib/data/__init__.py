"""The rollout store and the batches drawn from it."""
