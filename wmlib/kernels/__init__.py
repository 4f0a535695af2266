"""Compiled twins: what V, M and the dream compute, formed otherwise because that was measured to be faster.

Each stands beside a test that holds it equal to its plain form in :mod:`wmlib.models`.
"""
