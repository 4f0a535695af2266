"""Driving: many cars in lockstep per process, many processes per machine."""
