"""Agents domain: who can be run, on which program, and how each one is started."""
