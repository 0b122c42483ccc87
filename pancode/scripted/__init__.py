"""A scripted model on loopback: four wire APIs, one script, no key and no network."""
