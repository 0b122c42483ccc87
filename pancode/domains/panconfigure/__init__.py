"""Panconfigure domain: the settings in force and where each came from."""
