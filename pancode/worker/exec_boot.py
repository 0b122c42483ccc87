"""Where one sandboxed command in the foreground starts: `python -I -S exec_boot.py SPEC.json`."""

import sys

if __name__ == "__main__":
    # At the end, as in `boot`.
    sys.path.append(__file__.rsplit("/", 3)[0])
    from pancode.worker.foreground import main

    raise SystemExit(main(sys.argv[1:]))
