"""What others may know of the orchestrator's conversation."""

SUMMARY_ASKED = "Write a summary of this conversation that takes its place"
"""How the request begins that has a conversation compacted; a turn like others, that nobody has typed."""
