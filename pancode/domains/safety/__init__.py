"""Mode and safety level: what the operator allows, and the gates that follow from it."""
