"""When a table was declared, from the history of its file in a real repository."""

import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from repro import __version__, places
from repro.spec import rivals
from repro.spec.catalogue import load_file
from repro.spec.entry import Entry
from repro.spec.index import read_toml, table_paths
from repro.verdict.declared import declaration as declared_
from repro.verdict.declared import registration
from tests import fake_ledger

TABLE = "asmrh-ablation"


class Checkout:
    """A repository with one paper's tables, whose commits are dated."""

    def __init__(self, root: Path, table: str = TABLE) -> None:
        self.root = root
        source = table_paths()[table]
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

    def change_recipes(self, section: str, old: str, new: str) -> None:
        """Change the first place in a section of recipes.toml."""
        file = self.file.with_name("recipes.toml")
        before, header, after = file.read_text().partition(f"[{section}]\n")
        assert header
        assert old in after.partition("\n[")[0]
        file.write_text(before + header + after.replace(old, new, 1))

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
    for cached in (registration._git, registration._history, registration._declared_at):
        cached.cache_clear()


def started(day: int) -> list[Any]:
    date = datetime(2026, 6, day, 12, tzinfo=UTC).isoformat()
    return [SimpleNamespace(started=date)]


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


# Section of recipes.toml, what stands there, what is put in its place, and what is said of it.
TRAINED = [
    ("recipes.urbansound8k", "epochs = 25", "epochs = 24", "recipe urbansound8k.epochs 25 -> 24"),
    ("recipes.urbansound8k", "lr = 2.5e-4", "lr = 1e-3",
     "recipe urbansound8k.optimizer.lr 0.00025 -> 0.001"),
    ("recipes.urbansound8k", "batch = 48", "batch = 48\nema = 0.9",
     "recipe urbansound8k.ema 0.0 -> 0.9"),
    ("systems.asm-h", "depth = 12", "depth = 11", "system asm-h.depth 12 -> 11"),
    ("frontends.fbank", "frames = 512", "frames = 600",
     "front end of asm-h.frames 512 -> 600; front end of asm-r.frames 512 -> 600; "
     "front end of asm-rh.frames 512 -> 600"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "old", "new", "said"), TRAINED)
def test_a_change_of_what_is_trained_after_results(
    checkout: Checkout, section: str, old: str, new: str, said: str
) -> None:
    checkout.commit(day=1)
    checkout.change_recipes(section, old, new)
    commit = checkout.commit(day=8)
    assert registration.of(checkout.entry(), started(3)) == (
        f"declared after runs: {commit}, 2026-06-08 ({said} after results), first run 2026-06-03"
    )


@pytest.mark.parametrize(("section", "old", "new", "said"), TRAINED)
def test_a_change_of_what_is_trained_that_is_not_committed_is_named(
    checkout: Checkout, section: str, old: str, new: str, said: str
) -> None:
    """Tuned on a Friday afternoon: the file on the disk is not what was declared."""
    checkout.commit(day=1)
    checkout.change_recipes(section, old, new)
    for records, run in (([], "no run yet"), (started(3), "first run 2026-06-03")):
        text = registration.of(checkout.entry(), records)
        assert text.endswith(f"is not committed ({said}), {run}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({'protocol = "random"\n': 'protocol = "official"\n', 'unit = "run"': 'unit = "pass"'},
         "protocol random -> official; unit run -> pass"),
        ({"test = 0.1\n": "test = 0.2\n"}, "protocol random.test 0.1 -> 0.2"),
        ({'recipe = "urbansound8k"': 'recipe = "speechcommands"'}, "recipe urbansound8k -> "),
        ({'dataset = "urbansound8k"': 'dataset = "esc50"'}, "dataset urbansound8k -> esc50"),
    ],
)  # fmt: skip
def test_protocol_recipe_and_dataset_are_declared(
    checkout: Checkout, changes: dict[str, str], said: str
) -> None:
    checkout.commit(day=1)
    for old, new in changes.items():
        checkout.change(old, new)
    checkout.commit(day=8)
    assert said in registration.of(checkout.entry(), started(3))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# ASM-RH: what its six tables share.", "# ASM-RH: what its tables share."),
        ('label = "ASM-RH"', 'label = "ASM-RH (ours)"'),
        ("demo = 0.0487", "demo = 0.05"),
        ("model = { width = 64, depth = 2, ", "model = { width = 32, depth = 2, "),
        # What a constructor has by default, and what a recipe has, may be written out.
        ('pooling = "mean", head', 'pooling = "mean", patch = 16, head'),
        ("lr = 2.5e-4, betas = [0.95, 0.999]", "lr = 0.00025, eps = 1e-8, betas = [0.95, 0.999]"),
    ],
)
def test_what_declares_nothing_leaves_the_date(checkout: Checkout, old: str, new: str) -> None:
    commit = checkout.commit(day=1)
    file = checkout.file.with_name("recipes.toml")
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    checkout.commit(day=8)
    assert registration.of(checkout.entry(), started(3)).startswith(f"declared {commit}, ")


def test_a_recipe_that_git_does_not_know_is_not_committed(checkout: Checkout) -> None:
    checkout.git("add", str(checkout.file))
    checkout.git("commit", "-qm", "x")
    assert "is not committed, no run yet" in registration.of(checkout.entry(), [])


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
    assert registration.of(checkout.entry(), started(3)).endswith(
        "is not committed (seeds 3 -> 4), first run 2026-06-03"
    )


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


def declared(table: str) -> declared_.Declaration:
    path = table_paths()[table]
    return declared_.declaration(read_toml(path), read_toml(path.with_name("recipes.toml")))


RIVAL, OF = "phinets-m40", "m3net-urbansound8k"


@pytest.fixture
def with_rival(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Return a repository with M3Net's tables and PhiNets' file, committed on the first."""
    monkeypatch.setattr(places, "checkout", lambda: tmp_path)
    forget()
    made = Checkout(tmp_path, OF)
    shipped = rivals.rivals()[RIVAL]
    file = tmp_path / "tables" / "rivals" / shipped.file.name
    file.parent.mkdir()
    shutil.copy(shipped.file, file)
    monkeypatch.setattr(rivals, "rivals", lambda: {RIVAL: shipped._replace(file=file)})
    made.commit(day=1)
    return made


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("lr = 1e-3", "lr = 3e-3", "recipe released.optimizer.lr 0.001 -> 0.003"),
        ("width = 24", "width = 32", "system phinets-m40.width 24 -> 32"),
        ("hop = 512", "hop = 160", "front end of phinets-m40.hop 512 -> 160"),
    ],
)
def test_a_rival_s_recipe_changed_after_its_runs_is_seen(
    with_rival: Checkout, old: str, new: str, said: str
) -> None:
    file = with_rival.root / "tables" / "rivals" / "phinets.toml"
    asked = {RIVAL: started(3)}
    first = registration.of(with_rival.entry(), started(3), asked)
    assert first.count("declared ") == 2
    assert f"; {RIVAL}: declared " in first
    file.write_text(file.read_text().replace(old, new, 1))
    forget()
    text = registration.of(with_rival.entry(), started(3), asked)
    assert text.endswith(f"is not committed ({said}), first run 2026-06-03")
    commit = with_rival.commit(day=8)
    forget()
    own, _, theirs = registration.of(with_rival.entry(), started(3), asked).partition("; ")
    assert own == first.partition("; ")[0]  # the paper's own systems are what they were
    assert theirs == (
        f"{RIVAL}: declared after runs: {commit}, 2026-06-08 ({said} after results), "
        "first run 2026-06-03"
    )


def test_a_rival_that_came_later_is_judged_by_its_own_runs(with_rival: Checkout) -> None:
    file = with_rival.file
    text = file.read_text()
    file.write_text(text.replace(f'rival = "{RIVAL}"\n', ""))
    with_rival.commit(day=2)
    file.write_text(text)
    commit = with_rival.commit(day=8)
    said = registration.of(with_rival.entry(), started(3), {RIVAL: started(9)})
    assert said.endswith(f"; {RIVAL}: declared {commit}, 2026-06-08, first run 2026-06-09")


def test_what_a_rival_labels_and_says_declares_nothing(with_rival: Checkout) -> None:
    file = with_rival.root / "tables" / "rivals" / "phinets.toml"
    before = registration.of(with_rival.entry(), started(3), {RIVAL: started(3)})
    for old, new in (('source = "The', 'source = "Their'), ('"PhiNets M40"', '"PhiNets"')):
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
    with_rival.commit(day=8)
    assert registration.of(with_rival.entry(), started(3), {RIVAL: started(3)}) == before


def test_what_is_declared() -> None:
    found = declared("m3net-speechcommands")
    assert found["seeds of M3Net"] == [0, 1, 2, 3, 4]
    assert found["unit"] == "run"
    assert found["recipe scratch.epochs"] == 100
    assert found["front end of m3net-1s.frames"] == 100
    assert not any(
        "m3net." in name and "m3net-1s" not in name for name in found if "system" in name
    )
    found = declared(TABLE)
    assert found["seeds"] == [0, 1, 2]
    assert found["claims"] == [
        ["asm-rh", "asm-h", "test.accuracy", "corrected-t"],
        ["asm-rh", "asm-r", "test.accuracy", "corrected-t"],
    ]


@pytest.mark.parametrize("table", [TABLE, "m3net-speechcommands", "eat-esc50", "gafx-genre"])
def test_the_default_of_every_assumption_is_declared(table: str, tmp_path: Path) -> None:
    """What a plan takes at an assumption's path stands in the declaration, with its value."""
    found = declared(table)
    for assumption, value, _ in fake_ledger.planned(tmp_path, table).assumed:
        last = assumption.path.rpartition(".")[2]
        values = [
            v
            for name, v in found.items()
            if last in (name, name.rpartition(".")[2], name.partition(" of ")[0])
        ]
        silent = assumption.path == "statistics.behind"  # 1 where no file states it
        plain = list(value) if isinstance(value, tuple) else value
        assert plain in values or silent, assumption.path


def test_a_parent_that_is_trained_is_declared_too() -> None:
    found = declared("gafx-pretraining")
    assert any(name.startswith("system gafx-r") for name in found)
    parents = [parent for name, init in found.items() if name.endswith(".init") for parent in init]
    for parent in parents:
        if parent["kind"] == "run":
            assert any(name.startswith(f"system {parent['name']}.") for name in found)
            assert f"recipe {parent['recipe']}.epochs" in found
