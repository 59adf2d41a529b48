"""Launch repro from a checkout: `python cli.py ...` is `repro ...`."""

import shlex
import sys

from repro.commands._entry import main

if __name__ == "__main__":
    # What was typed before the words of the verb, such as `python3 cli.py`.
    main(prog_name=shlex.join(sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]))
