"""Many runs as one: batch, chain, flow and race are graphs of runs, driven by one engine."""
