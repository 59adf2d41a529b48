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
from tests.render.made import made

CHECKOUT = Path(__file__).resolve().parents[2]
KEY = re.compile(r"^@\w+\{([^,\s]+),$", re.MULTILINE)


def test_a_table_needs_its_paper_its_data_and_this_suite() -> None:
    entries = bibtex.of_tables([load("asmrh-speechcommands")])
    assert [KEY.findall(text) for text in entries] == [
        ["ji2024mixer"], ["warden2018speech"], ["repro"],
    ]  # fmt: skip


def test_nothing_is_named_twice() -> None:
    keys = KEY.findall("\n\n".join(bibtex.of_tables(load_all())))
    assert len(keys) == len(set(keys))
    assert {"ji2024mixer", "jiang2025m3net", "bu2022gafx", "gazneli2022end"} <= set(keys)


@pytest.mark.parametrize("name", registry.names())
def test_every_dataset_is_cited_with_author_title_and_year(name: str) -> None:
    text = bibtex.of_data(name)
    for field in ("author", "title", "year"):
        assert re.search(rf"^  {field} +(= \{{\S.*\}}?,?)$", text, re.MULTILINE), field
    assert text.count("{") == text.count("}")
    # Its own source names the same year, if any, and the same first author.
    card = registry.card(name)
    stated = re.findall(r"\b(?:19|20)\d\d\b", card.source)
    assert not stated or re.search(rf"year += \{{{stated[0]}\}}", text)
    first = re.search(r"author += \{+([^,}]+)", text)
    assert first is not None
    assert first[1].split(",")[0] in card.source


def test_datasets_of_one_work_share_its_entry() -> None:
    shared = [("esc10", "esc50"), ("ravdess_song", "ravdess_speech"), ("casia_1200", "casia"),
              ("audioset_eval", "audioset_balanced")]  # fmt: skip
    for one, other in shared:
        assert bibtex.of_data(one) == bibtex.of_data(other)
    entries = [bibtex.of_data(name) for name in registry.names()]
    keys = {bibtex.key(text) for text in entries}
    assert len(keys) == len(set(entries))


def test_the_data_that_is_used_is_cited(tmp_path: Path) -> None:
    own = bibtex.of_tables([load("m3net-urbansound8k")], on="esc10")
    assert [bibtex.key(text) for text in own] == ["jiang2025m3net", "piczak2015esc", "repro"]
    # EAT-S@audioset starts from a run on AudioSet.
    parents = bibtex.of_tables([load("eat-esc50")])
    assert [bibtex.key(text) for text in parents] == [
        "gazneli2022end", "piczak2015esc", "gemmeke2017audioset", "repro",
    ]  # fmt: skip
    grids = {
        "jiang2025m3net piczak2015esc repro": {"on": "esc10"},
        "jiang2025m3net salamon2014urbansound repro": {},
        "jiang2025m3net repro": {"profile": "demo", "audio": "generated"},
    }
    for keys, request in grids.items():
        found = bibtex.of_grids([made(tmp_path, "m3net-urbansound8k", **request)])
        assert " ".join(map(bibtex.key, found)) == keys


def test_a_dataset_of_the_user_has_no_entry(tmp_path: Path) -> None:
    assert bibtex.of_data("no_such_dataset", tmp_path) == ""


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
    assert not re.search("error|warning", done.stdout, re.IGNORECASE), done.stdout
    listed = (tmp_path / "x.bbl").read_text()
    assert listed.count(r"\bibitem") == len(bibtex.of_tables(load_all()))
