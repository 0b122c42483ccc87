"""Pure words and laws: events, states, the reducer, grants, errors. No clock, no files, no randomness."""
