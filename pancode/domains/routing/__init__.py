"""Routing domain: which agent, runtime and model a task gets, by what they can, cost, and are doing."""
