"""The evolution strategy that searches C's parameters."""
