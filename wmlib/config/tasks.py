"""The numbers of the task: what the world looks like to V, M and C."""

LATENT_SIZE = 32  # z, paper section 3.1 and appendix A.1
ACTION_SIZE = 3  # steer in [-1, 1], gas in [0, 1], brake in [0, 1]
FRAME_SHAPE = (64, 64, 3)  # what V sees, uint8
MAX_STEPS = 1000  # time limit of CarRacing, in frames
