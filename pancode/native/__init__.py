"""Native agents: the model loop, outside the sandbox, forked from a warm parent."""
