"""The version, as a literal: `importlib.metadata` costs more than the whole relay."""

__version__ = "0.1.0"
