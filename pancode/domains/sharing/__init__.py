"""What agents and people of a session tell each other: values under names, with who said them."""
