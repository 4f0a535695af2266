"""Three views of one drive, side by side: the real frame, V's reconstruction of it, and M dreaming along.

The dream starts from a real frame, then lives on its own predictions for two seconds while hearing the real actions;
then it is set back to reality.
"""

from __future__ import annotations

import numpy as np

from wmlib.models.mixture import mixture, mixture_mean
from wmlib.runs import quiet

SIZE = 256  # pixels of one view
GAP = 8
CAPTION = 28
DREAM_STEPS = 100  # frames between two returns to reality: 2 s
TITLES = ("what is there", "what V keeps of it", "what M dreams, 2 s at a time")


class SideBySide:
    """Turns a driver's frames into pictures (height, width, 3) uint8.

    Args:
        agent: a shipped arm with a decoder, see :class:`wmlib.stages.agents.Agent`.
    """

    def __init__(self, agent):
        from wmlib.models.inference import FrameEncoder, MemoryStep
        from wmlib.models.weights import load_weights, set_model_weights

        with quiet():
            from wmlib.models.vae import build_decoder
        self.memory_weights = load_weights(agent.path("memory"))
        self.encode = FrameEncoder(load_weights(agent.path("encoder")), agent.config.encoder_compute)
        self.remember = MemoryStep(self.memory_weights)
        self.latent_size = self.encode.latent_size
        self.decoder = build_decoder(self.latent_size)
        set_model_weights(self.decoder, load_weights(agent.path("decoder")))
        self.h = self.c = np.zeros((1, self.remember.hidden_size), np.float32)
        self.step = 0

    def __call__(self, frame: np.ndarray, action: np.ndarray) -> np.ndarray:
        """Picture of one step: ``frame`` (64, 64, 3) as V sees it, and the action taken on it."""
        z, a = self.encode(frame[None])[0], np.asarray(action, np.float32)[None]
        if self.step % DREAM_STEPS == 0:
            self.dreamt, self.dream_h, self.dream_c = z, self.h, self.c
        views = [frame, *(255 * self.decoder.predict_on_batch(np.concatenate([z, self.dreamt]))).astype(np.uint8)]
        self.h, self.c = self.remember(z, a, self.h, self.c)
        self.dream_h, self.dream_c = self.remember(self.dreamt, a, self.dream_h, self.dream_c)
        self.dreamt = mixture_mean(*mixture(self.memory_weights, self.dream_h, self.latent_size)[:2]).astype(np.float32)
        self.step += 1
        return compose(views)


def compose(views: list[np.ndarray], titles: tuple[str, ...] = TITLES) -> np.ndarray:
    """Views (64, 64, 3) enlarged, with captions above, in one picture whose sides are even numbers."""
    import cv2

    width = len(views) * SIZE + (len(views) - 1) * GAP
    picture = np.full((SIZE + CAPTION, width + width % 2, 3), 255, np.uint8)
    for index, (view, title) in enumerate(zip(views, titles, strict=True)):
        left = index * (SIZE + GAP)
        large = cv2.resize(view, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        picture[CAPTION:, left : left + SIZE] = large
        cv2.putText(picture, title, (left + 2, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30, 30, 30), 1, cv2.LINE_AA)
    return picture
