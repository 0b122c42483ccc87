"""Panos, the orchestrator: his tools, and the conversation with him."""
