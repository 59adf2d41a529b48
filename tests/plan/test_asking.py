"""Whatever can be asked for is found again from the run alone, with the command that asks."""

import dataclasses
import shlex

import pytest

from repro import identity
from repro.plan import planning
from repro.plan.asking import Asked, Near, Tables
from repro.plan.request import NARROWING, PASSING, Request, Run
from repro.records.ledger import Ledger
from repro.spec.catalogue import load
from tests import fake_ledger, whole_records

TABLE = "asmrh-speechcommands"
# For each field of a Request one that is not its default. A field without one fails the test below.
ASKED = {
    "profile": [{"profile": "demo"}],
    "audio": [{"profile": "demo", "audio": "generated"}],
    "subset": [{"subset": True}],
    "folds": [
        {"on": "urbansound8k", "subset": True, "folds": ("1", "2", "10")},
        {"on": "esc50", "subset": True, "folds": ("1", "3", "5"), "protocol": "random"},
    ],
    "on": [{"on": "esc50"}, {"on": "esc50", "profile": "demo"}],
    "protocol": [
        {"on": "esc10", "protocol": "random"},
        {"on": "esc50", "protocol": "grouped"},
        {"on": "gtzan", "protocol": "random"},
    ],
    "assume": [
        {"assume": {"decay": "0.5"}},
        {"assume": {"mixup": "0.0"}},  # a field that is left out at this value
        {"assume": {"decay": "0.5", "hfft-axis": "time"}},
        {"on": "esc50", "assume": {"decay": "0.5"}},
        {"on": "esc50", "protocol": "random", "assume": {"decay": "0.5"}},
    ],
    "steps": [{"steps": 30_000}, {"on": "esc50", "steps": 2000}],
    "micro_batch": [{"micro_batch": 4}, {"on": "esc50", "micro_batch": 4}],
}


def test_every_option_is_tried_or_makes_no_other_run():
    fields = {field.name for field in dataclasses.fields(Request)}
    assert sorted((*ASKED, *NARROWING, *PASSING)) == sorted(fields)  # each in one of them


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return Tables(fake_ledger.home(tmp_path_factory.mktemp("home")))


def plan(tables, table, **asked):
    """Plan a table as asked for."""
    return planning.plan_table(load(table), Request(**asked), tables.home)


@pytest.mark.parametrize(
    ("table", "asked"),
    [(TABLE, asked) for some in ASKED.values() for asked in some]
    # M3Net has batch norm: how many clips go through at once makes another run.
    + [("m3net-urbansound8k", asked) for asked in ASKED["micro_batch"]]
    + [("eat-audioset", {"subset": True}), ("gafx-pretraining", {})],
    ids=str,
)
def test_a_run_is_found_by_what_its_record_says_and_its_command_plans_it(tables, table, asked):
    made = plan(tables, table, **asked)
    for run in (*made.runs[:1], *made.runs[-1:], *made.parents[:1]):
        found = tables.asking(run)
        assert isinstance(found, Asked), found
        again = planning.plan_table(found.entry, found.request, tables.home)
        assert run.id in {other.id for other in (*again.runs, *again.parents)}
        words = found.command(run).split()
        assert words[:2] == ["repro", "table"]
        if run.id in {needed.id for needed in again.runs}:
            assert ["--only", run.system, "--seeds", str(run.seed)] == [
                words[words.index(option) + n] for option in ("--only", "--seeds") for n in (0, 1)
            ]
        for name in ("on", "protocol", "micro_batch"):
            value = asked.get(name)
            if value is not None and (name != "micro_batch" or "m3net" in table):
                assert f"--{name.replace('_', '-')} {value}" in " ".join(words)


def test_a_run_of_a_quick_look_is_asked_for_with_what_its_own_command_set(tables):
    """EAT-S of 450 steps at 8 kHz: committed records that no table asked for."""
    asked = {"on": "esc10", "steps": 450, "assume": {"ema": "0.0"},
             "settings": {"recipe.batch": "16", "frontend.args.rate": "8000"}}  # fmt: skip
    made = next(r for r in plan(tables, "eat-esc50", **asked).runs if r.system == "eat-s")
    command = shlex.join(["repro", "table", "eat-esc50", *Request(**asked).words()])
    found = tables.asking(dataclasses.replace(made, asked=command))
    assert isinstance(found, Asked)
    assert found.entry.id == "eat-esc50"
    words = shlex.split(found.command(made))
    assert sorted(words) == sorted([*shlex.split(command), "--only", "eat-s", "--seeds", "0"])
    elsewhere = command.replace("eat-esc50", "eat-phase")  # whose table it does not hold
    for other in (
        "",
        elsewhere,
        "repro table eat-esc50",
        "repro 'a --set",
        "repro --set x --set a=8",
    ):
        assert isinstance(tables.asking(dataclasses.replace(made, asked=other)), Near)


def test_a_batch_that_is_cut_only_to_save_memory_is_in_the_command(tables):
    """It makes no other run, but the record names it: without it memory is too short again."""
    run = plan(tables, TABLE, micro_batch=2).runs[0]
    assert "micro_batch" not in run.resolved["recipe"]
    found = tables.asking(run)
    assert "--micro-batch 2" in found.command(run)


def test_what_a_record_describes_is_the_run_it_was_made_from(tables, tmp_path):
    for micro in (0, 2):
        run = plan(tables, TABLE, micro_batch=micro).runs[0]
        folder = whole_records.write(tmp_path / str(micro), run)
        (record,) = Ledger([folder.parents[1]]).all()
        again = Run.of_record(record)
        assert identity.canonical(again.job()) == identity.canonical(run.job())
        assert (again.id, again.micro_batch) == (run.id, micro)


def test_what_nothing_asks_for_comes_with_what_is_nearest(tables):
    run = plan(tables, TABLE).runs[0]
    resolved = {**run.resolved, "recipe": {**run.resolved["recipe"], "epochs": 77}}
    other = dataclasses.replace(run, id=identity.run_id(resolved), resolved=resolved)
    found = tables.asking(other)
    assert isinstance(found, Near)
    assert found.apart == {"recipe.epochs": (77, run.resolved["recipe"]["epochs"])}
    assert tables.asking(dataclasses.replace(other, system="asm-gone")) is None
