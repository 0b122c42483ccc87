"""The outside world, one module per thing, each the only door to it."""
