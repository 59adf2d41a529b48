"""Typeset LaTeX in tests; where pdflatex is not installed they skip."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_latex = pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed (texlive-latex-recommended)"
)
needs_siunitx = pytest.mark.skipif(
    shutil.which("kpsewhich") is None
    or not subprocess.run(["kpsewhich", "siunitx.sty"], capture_output=True).stdout,
    reason="siunitx is not installed (texlive-science)",
)
_PROBLEM = re.compile(r"^(!|Overfull|Missing character|LaTeX Warning: Reference)", re.MULTILINE)


@dataclass(frozen=True)
class Typeset:
    """What came of a document."""

    pdf: Path
    log: str

    @property
    def problems(self) -> list[str]:
        """Return the log's lines on errors, overfull boxes and missing letters."""
        return [self.log[m.start() :].splitlines()[0] for m in _PROBLEM.finditer(self.log)]

    @property
    def pages(self) -> int:
        """Return the number of pages."""
        found = re.search(r"Output written on .*?\((\d+) pages?", self.log.replace("\n", ""))
        return int(found[1]) if found else 0

    def text(self) -> str:
        """Return the text on the pages, or skip where there is no pdftotext."""
        if shutil.which("pdftotext") is None:
            pytest.skip("pdftotext is not installed (poppler-utils)")
        command = ["pdftotext", "-layout", str(self.pdf), "-"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def typeset(folder: Path, text: str, name: str = "table", times: int = 1) -> Typeset:
    """Typeset a document in a folder; a LaTeX error fails with the end of its log."""
    (folder / f"{name}.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
    for _ in range(times):
        done = subprocess.run(command, cwd=folder, capture_output=True)
        log = (folder / f"{name}.log").read_text(encoding="latin-1")
        assert done.returncode == 0, log[-2000:]
    return Typeset(folder / f"{name}.pdf", log)
