"""What the session has cost, by what the agents themselves report."""
