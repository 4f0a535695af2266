"""Environments. Importing this package is cheap: Gymnasium, Box2D and Numba are only imported by its modules."""
