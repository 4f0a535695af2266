"""When a car has lost the road, in hindsight: what M's done head may learn, so that dreams end there, too.

Episodes are dictionaries of arrays, see :func:`wmlib.data.rollouts.encoded`.
"""

from __future__ import annotations

import numpy as np

STUCK_AFTER = 40  # frames without a new tile after which a car will most likely not find one soon
AFTER_LOSS = 10  # frames after its last tile at which such a car has lost the road


def losses(episode: dict[str, np.ndarray]) -> np.ndarray:
    """Frames after which no new tile was reached for ``STUCK_AFTER`` frames or more: the car had lost the road.

    The end of an episode that ended by itself, by the lap or by leaving the field, is none.
    """
    reached = np.flatnonzero(episode["rewards"] > 0)
    end = reached[-1:] if episode["done"][-1] else np.array([len(episode["rewards"])])
    return reached[np.diff(np.append(reached, end)) > STUCK_AFTER] if len(reached) else reached


def lost(episode: dict[str, np.ndarray]) -> np.ndarray:
    """1.0 for every step on which the road is lost, or which ends the episode; float32 (steps,).

    A real episode is stopped by patience when this lasts. A dream that ends there lets no car come back from the grass
    by a lucky draw of z.
    """
    rewards = episode["rewards"]
    reached = np.flatnonzero(rewards > 0)
    labels = np.zeros(len(rewards), np.float32)
    begins = [*losses(episode), *([0] if len(reached) == 0 or reached[0] > 2 * STUCK_AFTER else [])]
    for frame in begins:
        later = reached[reached > frame]
        patience = AFTER_LOSS if frame in reached else STUCK_AFTER
        labels[frame + patience : later[0] if len(later) else None] = 1
    labels[-1] = max(labels[-1], float(episode["done"][-1]))
    return labels
