"""Gymnasium's CarRacing to the last bit, many cars in lockstep, with only the pixels the agent sees drawn."""

STEP_COST = 0.1  # what CarRacing charges per frame
