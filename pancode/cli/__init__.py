"""The command line: thin click verbs; everything heavy is imported inside the functions."""
