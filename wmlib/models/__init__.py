"""V, M and C: networks, losses and what rollouts need of them."""
