"""The task board: what is to be done, by whom, and how far it is."""
