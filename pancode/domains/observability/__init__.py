"""What is going on and what went on: status, records, the index."""
