"""Skills: folders with a SKILL.md that agents are given when they ask for them."""
