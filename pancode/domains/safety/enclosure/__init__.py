"""How a worker is enclosed: what it sees, what it may write, whom it reaches, and what of that is kept."""
