"""The domains. Each folder with a manifest.py and an extension.py is found; there is no list to edit."""
