"""Where a tool server starts: `python -I -S -X utf8 boot.py`; with `search JSON` one search of its own."""

import sys

if __name__ == "__main__":
    # At the end, so that a file beside the package can never stand in for the standard library.
    sys.path.append(__file__.rsplit("/", 4)[0])
    if sys.argv[1:2] == ["search"]:
        from pancode.worker.tools.search import main as search

        raise SystemExit(search(sys.argv[2]))
    from pancode.worker.tools.server import main

    raise SystemExit(main())
