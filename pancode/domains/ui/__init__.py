"""What a person sees: the fleet screen, the command pane, the status line and the words for each state."""
