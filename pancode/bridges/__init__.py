"""Programs that run inside a worker's sandbox and let an SDK or a protocol work as any agent does."""
