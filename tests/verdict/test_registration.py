"""When a table was declared, from the history of its file in a real repository."""

import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from repro import __version__, places
from repro.records.ledger import Record
from repro.spec.catalogue import load_file
from repro.spec.entry import Entry
from repro.spec.index import read_toml, table_paths
from repro.verdict import registration

TABLE = "asmrh-ablation"


class Checkout:
    """A repository with one paper's tables, whose commits are dated."""

    def __init__(self, root: Path) -> None:
        self.root = root
        source = table_paths()[TABLE]
        self.file = root / "tables" / source.parent.name / source.name
        shutil.copytree(source.parent, self.file.parent)
        (root / "pyproject.toml").touch()
        self.git("init", "-q")

    def git(self, *words: str, day: int = 1) -> str:
        date = f"2026-06-{day:02d}T12:00:00+00:00"
        who = {f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER")
               for what in ("NAME", "EMAIL")}  # fmt: skip
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        done = subprocess.run(
            ["git", "-C", str(self.root), *words],
            check=True, capture_output=True, text=True, env={**os.environ, **who, **dates},
        )  # fmt: skip
        return done.stdout.strip()

    def change(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))

    def commit(self, day: int) -> str:
        self.git("add", ".")
        self.git("commit", "-qm", "x", day=day)
        return self.git("rev-parse", "HEAD")[:7]

    def entry(self) -> Entry:
        load_file.cache_clear()
        return load_file(self.file)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.setattr(places, "checkout", lambda: tmp_path)
    forget()
    return Checkout(tmp_path)


def forget() -> None:
    """Forget what git said: here history changes inside one process."""
    for cached in (registration._git, registration._histories, registration._declared_at):
        cached.cache_clear()


def started(day: int) -> list[Record]:
    date = datetime(2026, 6, day, 12, tzinfo=UTC).isoformat()
    return [Record(Path("x"), {"started": date})]


def test_declared_before_the_first_run(checkout: Checkout) -> None:
    commit = checkout.commit(day=1)
    entry = checkout.entry()
    assert registration.of(entry, []) == f"declared {commit}, 2026-06-01 or earlier, no run yet"
    records = [*started(5), *started(3), *started(9)]
    assert registration.of(entry, records) == f"declared {commit}, 2026-06-01, first run 2026-06-03"


def test_a_change_that_declares_nothing_leaves_the_date(checkout: Checkout) -> None:
    commit = checkout.commit(day=1)
    checkout.change('printed_in = "Section III-E"', 'printed_in = "Section III-E, Table VI"')
    checkout.commit(day=8)
    assert registration.of(checkout.entry(), started(3)) == (
        f"declared {commit}, 2026-06-01, first run 2026-06-03"
    )


def test_raising_n_after_results_is_printed(checkout: Checkout) -> None:
    checkout.commit(day=1)
    checkout.change("seeds = [0, 1, 2]", "seeds = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]")
    commit = checkout.commit(day=8)
    assert registration.of(checkout.entry(), started(3)) == (
        f"declared after runs: {commit}, 2026-06-08 (seeds 3 -> 10 after results), "
        "first run 2026-06-03"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('primary = ["t-acc"]', 'primary = ["v-acc"]', "primary changed"),
        ('unit = "run"\n', 'unit = "run"\nmargin = 2.0\n', "margin None -> 2.0"),
        ('worse = "asm-r"', 'worse = "asm-h"', "claims changed"),
    ],
)
def test_other_declared_changes(checkout: Checkout, old: str, new: str, said: str) -> None:
    checkout.commit(day=1)
    checkout.change(old, new)
    checkout.commit(day=8)
    assert f"({said} after results)" in registration.of(checkout.entry(), started(3))


def test_a_table_first_committed_after_its_runs(checkout: Checkout) -> None:
    commit = checkout.commit(day=8)
    assert registration.of(checkout.entry(), started(3)) == (
        f"declared after runs: {commit}, 2026-06-08, first run 2026-06-03"
    )


def test_a_declaration_that_is_not_committed(checkout: Checkout) -> None:
    checkout.git("commit", "-q", "--allow-empty", "-m", "x")
    assert "is not committed, no run yet" in registration.of(checkout.entry(), [])
    checkout.commit(day=1)
    forget()
    checkout.change("seeds = [0, 1, 2]", "seeds = [0, 1, 2, 3]")
    assert "is not committed, first run 2026-06-03" in registration.of(checkout.entry(), started(3))


def test_an_uncommitted_change_that_declares_nothing(checkout: Checkout) -> None:
    commit = checkout.commit(day=1)
    checkout.change('printed_in = "Section III-E"', 'printed_in = "Section III-E, Table VI"')
    assert registration.of(checkout.entry(), started(3)).startswith(f"declared {commit}")


def test_a_shallow_clone_accuses_nobody(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.commit(day=1)
    checkout.change('printed_in = "Section III-E"', 'printed_in = "Section III-E, Table VI"')
    commit = checkout.commit(day=8)
    clone = tmp_path / "clone"
    checkout.git("clone", "-q", "--depth", "1", f"file://{tmp_path}", str(clone))
    monkeypatch.setattr(places, "checkout", lambda: clone)
    path = clone / checkout.file.relative_to(checkout.root)
    assert registration.of(replace(checkout.entry(), path=path), started(3)) == (
        f"declared {commit}, 2026-06-08 or earlier (the history is cut off), first run 2026-06-03"
    )


def test_outside_a_checkout_the_version_stands_for_it(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "checkout", lambda: None)
    text = registration.of(checkout.entry(), started(3))
    assert text.endswith(f"of version {__version__}, first run 2026-06-03")


def test_what_is_declared() -> None:
    declared = registration.declaration(read_toml(table_paths()["m3net-speechcommands"]))
    assert declared["seeds of M3Net"] == [0, 1, 2, 3, 4]
    assert declared["unit"] == "run"
    declared = registration.declaration(read_toml(table_paths()[TABLE]))
    assert declared["seeds"] == [0, 1, 2]
    assert declared["claims"] == [
        ["asm-rh", "asm-h", "test.accuracy", "welch"],
        ["asm-rh", "asm-r", "test.accuracy", "welch"],
    ]
