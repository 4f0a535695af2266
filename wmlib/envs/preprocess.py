"""The reference picture: what V sees of an unmodified Gymnasium observation."""

from __future__ import annotations

import cv2
import numpy as np

from wmlib.envs.lens import CROP


def preprocess(observation: np.ndarray) -> np.ndarray:
    """Crop the status bar off a (96, 96, 3) uint8 observation and area-average it to (64, 64, 3) uint8."""
    return cv2.resize(observation[:CROP], (64, 64), interpolation=cv2.INTER_AREA)
