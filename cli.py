"""Launch repro from a checkout: `python cli.py ...` is `repro ...`."""

from repro.commands._entry import main

if __name__ == "__main__":
    main()
