"""The session's life: up, down, attach, and what survives a restart."""
