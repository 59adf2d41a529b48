"""Start `repro` where another distribution may own the package of that name as well.

It lies outside the package, so that it can say so: both have one `repro/__init__.py`, and what is
imported is whichever was installed last, or what is left of the two after one has gone.
"""

import sys
from importlib import metadata

NAME = "audio-table-repro"
MEND = f"install {NAME} again, in an environment in which no other distribution owns repro"


def main() -> None:
    """Run `repro`; where its package is not whole, say so in one line, and how to mend it."""
    try:
        from repro.commands._entry import main as run
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        why = f"{missing or error} is not installed"
        if missing == "repro":
            why = clash() or "the package repro is not whole here, or another one of that name"
        print(f"Error: {why}\nNext:  {MEND}", file=sys.stderr)
        sys.exit(2)
    run(prog_name="repro")


def clash() -> str | None:
    """Say which other distribution here owns `repro` too; None where there is none."""
    for other in metadata.distributions():
        name = other.metadata["Name"] or ""
        files = [str(file) for file in other.files or ()]
        if name != NAME and "repro/__init__.py" in files:
            return (
                f"the distribution {name} {other.version} is installed here too, and both own "
                "repro/__init__.py"
            )
    return None


if __name__ == "__main__":
    main()
