"""Prompts domain: the system prompt of a worker."""
