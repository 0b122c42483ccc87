"""Own clones for workers, what became of their changes, and checkpoints of the operator's tree."""
