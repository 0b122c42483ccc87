"""What a native agent's model can do: tools inside the worker's sandbox, standard library only."""
