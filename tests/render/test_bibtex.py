"""BibTeX of papers, data and this suite."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from repro import __version__
from repro.data import registry
from repro.render import bibtex
from repro.spec.catalogue import load, load_all

CHECKOUT = Path(__file__).resolve().parents[2]
KEY = re.compile(r"^@\w+\{([^,\s]+),$", re.MULTILINE)


def test_a_table_needs_its_paper_its_data_and_this_suite() -> None:
    entries = bibtex.of_tables([load("asmrh-speechcommands")])
    assert [KEY.findall(text) for text in entries] == [
        ["ji2024mixer"], ["speech_commands_v2_35"], ["repro"],
    ]  # fmt: skip


def test_nothing_is_named_twice() -> None:
    keys = KEY.findall("\n\n".join(bibtex.of_tables(load_all())))
    assert len(keys) == len(set(keys))
    assert {"ji2024mixer", "jiang2025m3net", "bu2022gafx", "gazneli2022end"} <= set(keys)


def test_data_without_a_card_is_left_out() -> None:
    assert bibtex.of_data("no_such_dataset") == ""
    for name in registry.names():
        text = bibtex.of_data(name)
        assert text.count("{") == text.count("}")


def test_the_suite_is_cited_as_in_its_citation_file() -> None:
    citation = (CHECKOUT / "CITATION.cff").read_text(encoding="utf-8")
    title = re.search(r'^title: "(.*)"$', citation, re.MULTILINE)
    author = re.search(r"^authors:\n  - name: (.*)$", citation, re.MULTILINE)
    version = re.search(r"^version: (.*)$", citation, re.MULTILINE)
    assert title
    assert author
    assert version
    assert f"{{{{{title[1]}}}}}" in bibtex.of_suite()
    assert author[1] in bibtex.of_suite()
    assert version[1] == __version__


@pytest.mark.skipif(shutil.which("bibtex") is None, reason="bibtex is not installed")
def test_bibtex_reads_every_entry(tmp_path: Path) -> None:
    (tmp_path / "refs.bib").write_text("\n\n".join(bibtex.of_tables(load_all())))
    (tmp_path / "x.aux").write_text("\\citation{*}\n\\bibstyle{plain}\n\\bibdata{refs}\n")
    done = subprocess.run(["bibtex", "x"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "error" not in done.stdout.lower()
    made = (tmp_path / "x.bbl").read_text()
    assert made.count(r"\bibitem") == len(bibtex.of_tables(load_all()))
