"""Classifies shell commands by what they would do, without running anything."""
