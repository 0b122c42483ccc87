"""PanCode runs the coding agents of one machine as workers in live tmux panes."""
