"""What the record says about each agent. Off unless PANCODE_INTELLIGENCE=on."""
