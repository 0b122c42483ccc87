"""The demo: a repository, a scripted model, three workers."""
