"""The gateway: one process per session that workers' model calls go through, to be counted and limited."""
