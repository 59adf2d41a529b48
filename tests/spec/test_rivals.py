"""What every rival's file must keep; a new one is one file, and its tests exist at once."""

import dataclasses
import shutil

import pytest

from repro.errors import UserError
from repro.plan import grounds
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.spec import catalogue, lines, rivals
from tests import fake_ledger, tiny
from tests.plan.test_grounds import does_nothing

RIVALS = rivals.rivals()
TABLE = "m3net-urbansound8k"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tiny.home(tmp_path_factory.mktemp("empty") / "home")


def fit(entry, **asked):
    return lines.fit(entry, "", (), (), catalogue.load_all, with_rivals=True, **asked)


def naming(name):
    """Return the tables of which a quoted row names a rival."""
    return [e for e in catalogue.load_all() if any(row.rival == name for row in e.table.row)]


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_says_what_was_read_and_every_value_rests_on_something(name, home):
    about = RIVALS[name].about
    assert all((about.title, about.source, about.code))
    assert all(recipe.demo is not None for recipe in about.recipes.values())
    named = naming(name)
    started = [s for s, one in about.systems.items() if any(p.name == name for p in one.init)]
    assert named or any(naming(s) for s in started), f"no quoted row names {name}"
    for alone in named:
        entry = fit(alone)
        # Where its training departs from what was read stands under the table, not in a file alone.
        (told,) = (one for one in entry.said if one.startswith(f"{name} is quoted"))
        assert all(part in told for part in (about.source, *about.notes))
        settled = plan_table(alone, Request(rivals=True), home).settled[name]
        theirs = entry.recipes.model_copy(
            update={"stated": about.stated, "unmentioned": about.unmentioned}
        )
        found = list(grounds.grounds(dataclasses.replace(entry, recipes=theirs), name, settled))
        bare = [f"{g.path} = {g.value}" for g in found if not g.kind]
        assert bare == [], f"{name}: neither printed nor assumed"
        loud = [g.path for g in found
                if g.kind == "unmentioned" and not does_nothing(settled, g.path)]  # fmt: skip
        assert loud == [], f"{name}: called unmentioned, yet it does something"


@pytest.mark.parametrize("table", [e.id for e in catalogue.load_all() if fit(e).own])
def test_a_demo_takes_the_table_s_own_clips_so_that_its_runs_are_pairs(table):
    entry = fit(catalogue.load(table))
    recipes = entry.recipes.recipes
    ours = recipes[lines.first(catalogue.load(table))[1]].demo.clips
    for row in entry.table.row:
        if row.id in entry.own:
            column = next(c for c in entry.table.column if lines.trains(entry.fields(row, c)))
            assert recipes[entry.fields(row, column).recipe].demo.clips == ours, row.id


def test_no_system_of_a_paper_has_a_rival_s_name():
    taken = {name for entry in catalogue.load_all() for name in entry.recipes.systems}
    assert taken.isdisjoint(RIVALS)


def test_its_line_follows_the_quoted_row_with_the_protocol_and_seeds_of_the_table():
    alone = catalogue.load(TABLE)
    entry = fit(alone)
    ids = [row.id for row in entry.table.row]
    assert ids[ids.index("PhiNets M40") + 1] == "phinets-m40"
    assert [row for row in entry.table.row if row.id != "phinets-m40"] == alone.table.row
    row = next(row for row in entry.table.row if row.id == "phinets-m40")
    ours = next(row for row in entry.table.row if row.id == "M3Net")
    column = next(column for column in entry.table.column if column.id == "accuracy")
    mine, theirs = (entry.fields(each, column) for each in (row, ours))
    for field in ("kind", "metric", "dataset", "protocol", "seeds", "reduce"):
        assert getattr(mine, field) == getattr(theirs, field)
    assert (mine.system, mine.recipe) == ("phinets-m40", "phinets/released")
    assert row.label == "PhiNets M40, trained here"
    own = {a.key for a in entry.assumptions() if "phinets-m40" in a.systems}
    assert own
    assert all(key.startswith("phinets/") for key in own)
    for assumption in entry.recipes.assumption:  # what M3Net's poster leaves open is M3Net's
        if assumption.path.startswith(("model.", "frontend.", "recipe.")):
            assert bool(assumption.systems)
            assert ("phinets-m40" in assumption.systems) == (assumption.key in own)


def test_without_the_option_a_table_is_what_it_was_and_a_reading_keeps_apart(tmp_path):
    plain = fake_ledger.planned(tmp_path, TABLE)
    assert {run.system for run in plain.runs} == {"m3net"}
    ours = {run.id for run in plain.runs}
    both = fake_ledger.planned(tmp_path, TABLE, rivals=True)
    assert {run.system for run in both.runs} == {"m3net", "phinets-m40"}
    assert {run.id for run in both.runs if run.system == "m3net"} == ours
    splits = {
        (run.system, run.seed): (run.resolved["split"], run.clips.split_seed) for run in both.runs
    }
    assert all(splits["m3net", seed] == splits["phinets-m40", seed] for seed in range(5))
    longer = fake_ledger.planned(tmp_path, TABLE, rivals=True, assume={"phinets/epochs": "200"})
    assert ours < {run.id for run in longer.runs}
    assert {run.resolved["recipe"]["epochs"] for run in longer.runs} == {100, 200}
    theirs = fake_ledger.planned(tmp_path, TABLE, rivals=True, assume={"epochs": "200"})
    rivals_of = [{r.id for r in plan.runs if r.system == "phinets-m40"} for plan in (both, theirs)]
    assert rivals_of[0] == rivals_of[1]


def test_other_data_and_systems_take_it_along(tmp_path):
    plan = fake_ledger.planned(tmp_path, TABLE, rivals=True, on="esc10")
    assert [row.id for row in plan.entry.table.row] == ["M3Net", "phinets-m40"]
    asked = {"on": "esc10", "systems": ("phinets-m40", "m3net-1s")}
    plan = fake_ledger.planned(tmp_path, TABLE, **asked)
    assert [row.id for row in plan.entry.table.row] == ["phinets-m40", "m3net-1s"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('rival = "phinets-m40"', 'rival = "phinets-m4"', "did you mean 'phinets-m40'"),
        ('rival = "phinets-m40"', 'rival = "phinets-m40"\nrival_recipe = "realeased"',
         "did you mean 'released'"),
        ('rival = "phinets-m40"', 'rival_recipe = "released"', "a rival_recipe, but no rival"),
        ('system = "m3net"\n', 'system = "m3net"\nrival = "phinets-m40"\n', "only a quoted row"),
    ],
)  # fmt: skip
def test_what_a_row_cannot_mean_is_refused_by_name(tmp_path, old, new, said):
    with pytest.raises(UserError) as error:
        fake_ledger.edited(tmp_path, TABLE, {old: new})
    assert said in error.value.message
    assert "urbansound8k.toml" in error.value.message


def test_a_file_of_the_users_is_found_and_its_mistakes_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_EXTENSIONS", str(tmp_path))
    folder = tmp_path / "tables" / "rivals"
    folder.mkdir(parents=True)
    mine = folder / "finch.toml"
    text = RIVALS["phinets-m40"].file.read_text(encoding="utf-8")
    mine.write_text(text.replace("phinets-m40", "finch-40"))
    assert rivals.rivals()["finch-40"].file == mine
    for old, new, said in (
        ('frontend = "mel"', 'frontend = "mell"', "did you mean 'mel'"),
        ("[systems.finch-41]", "[systems.phinets-m40]", "has a system 'phinets-m40'"),
        ('title = "', 'titel = "', "titel: unknown key: did you mean 'title'"),
    ):
        other = folder / f"other-{len(said)}.toml"
        other.write_text(text.replace("phinets-m40", "finch-41").replace(old, new))
        with pytest.raises(UserError) as error:
            rivals.rivals()
        assert said in error.value.message
        other.unlink()
    shutil.rmtree(folder)
    assert "finch-40" not in rivals.rivals()
