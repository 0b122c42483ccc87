"""Where a worker process starts: `python -I -S boot.py RUN_DIR EPOCH`, or the fork server of a session."""

import sys

if __name__ == "__main__":
    # At the end, so that a file beside the package can never stand in for the standard library.
    sys.path.append(__file__.rsplit("/", 3)[0])
    if sys.argv[1:2] == ["--fork-server"]:
        from pancode.worker.forkserver import serve

        raise SystemExit(serve(sys.argv[2], sys.argv[3], sys.argv[4:-1]))
    from pancode.worker.shim import main

    raise SystemExit(main(sys.argv[1:]))
