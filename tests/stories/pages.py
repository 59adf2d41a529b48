"""What is written for users: README and the pages of docs, and the commands that they show."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PATHS = [
    CHECKOUT / "README.md",
    CHECKOUT / "CONTRIBUTING.md",
    *sorted(CHECKOUT.glob("docs/**/*.md")),
]
PAGES = {str(path.relative_to(CHECKOUT)): path.read_text(encoding="utf-8") for path in PATHS}


def commands(text: str) -> list[str]:
    """Return the commands of this suite in a text, without the remarks behind them."""
    found = []
    for line in text.splitlines():
        inside = re.search(r"\$\((repro [^)]*)\)", line)
        own = inside[1] if inside else re.sub(r"^\$ ", "", line.strip())
        if own.startswith("repro "):
            found.append(re.split(r"\s{2,}|\s#\s", own)[0])
    return found


def shown() -> list[tuple[str, str]]:
    """Return every command of the pages with the page that shows it first."""
    first: dict[str, str] = {}
    for page, text in PAGES.items():
        for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
            for command in commands(block):
                first.setdefault(command, page)
    return [(page, command) for command, page in first.items()]
