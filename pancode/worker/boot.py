"""Where a worker process starts: `python -I -S boot.py RUN_DIR`."""

import sys

if __name__ == "__main__":
    # At the end, so that a file beside the package can never stand in for the standard library.
    sys.path.append(__file__.rsplit("/", 3)[0])
    from pancode.worker.shim import main

    raise SystemExit(main(sys.argv[1:]))
