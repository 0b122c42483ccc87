"""Providers domain: who answers model calls, by which wire, with whose key, and what their models can do."""
