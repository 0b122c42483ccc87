"""Starting runs, stopping them, going on with them, collecting their ends."""
