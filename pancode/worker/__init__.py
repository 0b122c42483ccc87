"""The worker process: standard library only, started with `python -I -S`, one per run."""
