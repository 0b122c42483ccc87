"""Proves here what the levels promise: a scripted model orders forbidden acts of the real agents."""
