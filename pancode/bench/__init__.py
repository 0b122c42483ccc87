"""Measures what the design promises, on the machine at hand, with agents that do nothing."""
