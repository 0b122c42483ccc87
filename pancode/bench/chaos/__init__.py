"""`pancode chaos`: kills parts of a session on purpose, and counts what was lost by it."""
