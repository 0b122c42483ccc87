"""The only door to tmux: versions, configuration, server, control connection, panes and layouts."""
