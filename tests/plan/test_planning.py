"""From tables to runs: what decides an id, what is shared, what is missing, what is refused."""

import json
import shutil

import pytest

from repro import identity, places
from repro.errors import UserError
from repro.plan.answers import answers
from repro.plan.planning import plan_table
from repro.plan.remaining import behind, remaining
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.spec.readings import as_text
from repro.weights import store
from tests import fake_ledger, tiny

TABLE_1 = "asmrh-speechcommands"
DEMO = {"profile": "demo", "audio": "generated"}


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A home without runs and without data."""
    return tiny.home(tmp_path_factory.mktemp("empty") / "home")


def plan(table, home, **request):
    return plan_table(catalogue.load(table), Request(**request), home)


def ids(made):
    return {run.id for run in made.runs}


def run_of(made, system, seed=0):
    return next(run for run in made.runs if (run.system, run.seed) == (system, seed))


def test_table_1_is_nine_runs_and_every_cell_stands_on_its_three(home):
    made = plan(TABLE_1, home)
    assert len(made.runs) == len(ids(made)) == 9
    assert {(r.system, r.seed) for r in made.runs} == {
        (system, seed) for system in ("asm", "asm-i", "asm-rh") for seed in (0, 1, 2)
    }
    for cell in made.cells:
        assert {run.system for run in cell.runs} == {cell.fields.system}
        assert sorted(run.seed for run in cell.runs) == [0, 1, 2]
    assert len({run.resolved["split"] for run in made.runs}) == 1


def test_a_job_survives_json_with_its_id(home):
    for run in plan(TABLE_1, home).runs:
        job = json.loads(json.dumps(run.job()))
        assert identity.run_id(job["resolved"]) == job["run"] == run.id


def test_demo_and_full_are_different_runs_and_demo_is_small(home):
    full, demo = plan(TABLE_1, home), plan(TABLE_1, home, **DEMO)
    assert not ids(full) & ids(demo)
    ours, theirs = run_of(demo, "asm-rh"), run_of(full, "asm-rh")
    assert ours.profile == "demo"
    assert ours.clip_epochs < theirs.clip_epochs / 100
    assert theirs.clip_epochs == 84_843 * 30
    assert ours.resolved["audio"].startswith("generated@")
    assert theirs.resolved["audio"] == "local"
    assert demo.demo
    assert not full.demo


def test_a_demo_says_the_values_that_are_in_force(home):
    demo = plan(TABLE_1, home, **DEMO, settings={"recipe.epochs": "4"}, assume={"decay": "0.5"})
    assert (demo.demo["epochs"], demo.demo["schedule.factor"]) == (4, 0.5)
    trained = run_of(demo, "asm-rh").resolved
    assert demo.demo["width"] == trained["model"]["args"]["width"] == 64
    assert demo.demo["optimizer.lr"] == trained["recipe"]["optimizer"]["lr"] == 2e-3


def test_only_and_seeds_choose_among_the_runs_and_change_none(home):
    whole = plan(TABLE_1, home)
    some = plan(TABLE_1, home, only="asm-rh", seeds=(0, 2))
    assert ids(some) == ids(whole)
    assert [(run.system, run.seed) for run in some.needed()] == [("asm-rh", 0), ("asm-rh", 2)]
    assert len(whole.needed()) == 9


@pytest.mark.parametrize(
    ("request_", "named", "near"),
    [
        ({"only": "asm-rn"}, "'asm-rn'", "'asm-rh'"),
        ({"only": "m3net"}, "'m3net'", "asm"),
        ({"seeds": (0, 7)}, "seed 7", "0, 1, 2"),
        ({"assume": {"hftt-axis": "time"}}, "'hftt-axis'", "'hfft-axis'"),
        ({"assume": {"hfft-axis": "tine"}}, "'tine'", "'time'"),
        ({"assume": {"frames": "129"}}, "'129'", "'128'"),
        (
            {"assume": {"hfft-axis": "feature"}},
            "'feature'",
            "time",
        ),  # the default is no alternative
    ],
)
def test_a_name_that_the_table_does_not_have_is_refused_with_the_nearest(
    request_, named, near, home
):
    with pytest.raises(UserError) as caught:
        plan(TABLE_1, home, **request_)
    assert named in caught.value.message
    assert near in caught.value.message
    assert caught.value.next_step == f"repro show {TABLE_1}"


def test_what_is_missing_is_said_of_each_run(home):
    full, demo = plan(TABLE_1, home), plan(TABLE_1, home, **DEMO)
    gaps = {run.system: {gap.kind: gap for gap in run.missing} for run in full.runs}
    assert set(gaps["asm"]) == set(gaps["asm-rh"]) == {"data"}
    assert set(gaps["asm-i"]) == {"data", "weights"}
    assert "DeiT weights" in gaps["asm-i"]["weights"].text
    assert gaps["asm"]["data"].next_step == "repro data add speech_commands_v2_35 DIR"
    assert {run.system for run in demo.runs if run.missing} == {"asm-i"}
    ready, blocked = remaining(demo, answers(demo, Ledger([home.runs])))
    assert (len(ready), len(blocked)) == (6, 3)


def test_only_a_result_takes_a_run_off_the_list(home, tmp_path):
    made = plan(TABLE_1, home, **DEMO)
    runs = [run_of(made, "asm-rh", seed) for seed in (0, 1, 2)]
    fake_ledger.write(tmp_path, runs[0], {"test": {"accuracy": 0.9}})
    fake_ledger.write(tmp_path, runs[1], {}, status="diverged")
    fake_ledger.write(tmp_path, runs[2], {}, status="failed", cause="out of memory")
    ready, _ = remaining(made, answers(made, Ledger([tmp_path])))
    assert [run.seed for run in ready if run.system == "asm-rh"] == [2]
    other = plan(TABLE_1, home, **DEMO, execution="bbbbbb")
    ready, _ = remaining(other, answers(other, Ledger([tmp_path])))
    assert [run.seed for run in ready if run.system == "asm-rh"] == [0, 1, 2]


def test_tables_share_the_runs_that_they_have_in_common(home):
    ii, vi = (plan(f"asmrh-{name}", home) for name in ("urbansound8k", "ablation"))
    shared = ids(ii) & ids(vi)
    assert {run.system for run in ii.runs if run.id in shared} == {"asm-rh"}
    assert len(shared) == 3
    assert {run.system for run in vi.runs} - {"asm-rh"} == {"asm-h", "asm-r"}


# What a change in a file does to the id of ASM-RH's first run.
CHANGES = {
    "epochs": ("recipes.toml", "epochs = 30", "epochs = 31", True),
    "learning rate": ("recipes.toml", "lr = 2.5e-4", "lr = 2.6e-4", True),
    "batch": ("recipes.toml", "batch = 128", "batch = 64", True),
    "precision": ("recipes.toml", 'precision = "bf16"', 'precision = "fp32"', True),
    "selection": ("recipes.toml", 'select = "valid"', 'select = "last"', True),
    "augmentation": ("recipes.toml", "mixup = 0.6", "mixup = 0.5", True),
    "front end": ("recipes.toml", "frames = 512", "frames = 500", True),
    "architecture": ("recipes.toml", "hermit = true", "hermit = false", True),
    "a neutral value said aloud": ("recipes.toml", "epochs = 30", "ema = 0.0\nepochs = 30", False),
    "where the recipe comes from": ("recipes.toml", 'source = "lr', 'source = "the lr', False),
    "the label of a system": ("recipes.toml", 'label = "ASM-RH"', 'label = "ASM RH"', False),
    "the name of the recipe": (None, "recipes.speechcommands", "recipes.renamed", False),
    "the name of the protocol": (None, '"official"', '"as given"', False),
    "the caption": ("speechcommands.toml", 'caption = "', 'caption = "OLD ', False),
    "a printed value": ("speechcommands.toml", '"96.62"', '"96.63"', False),
    "the decider": ("speechcommands.toml", 'decider = "welch"', 'decider = "none"', False),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_decides_a_run_changes_its_id_and_nothing_else_does(change, home, tmp_path):
    file, old, new, differs = CHANGES[change]
    original = plan(TABLE_1, home)
    shutil.copytree(places.shipped("tables") / "asmrh", tmp_path / "asmrh")
    if change == "the name of the recipe":
        edits = [("recipes.toml", f"[{old}", f"[{new}")]
        edits += [("speechcommands.toml", 'recipe = "speechcommands"', 'recipe = "renamed"')]
    elif change == "the name of the protocol":
        edits = [("speechcommands.toml", f"{key} = {old}", f"{key} = {new}")
                 for key in ("protocol", "name")]  # fmt: skip
    else:
        edits = [(file, old, new)]
    for name, before, after in edits:
        path = tmp_path / "asmrh" / name
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))
    edited = catalogue.load_file(tmp_path / "asmrh" / "speechcommands.toml")
    changed = run_of(plan_table(edited, Request(), home), "asm-rh")
    assert (changed.id != run_of(original, "asm-rh").id) == differs


def test_seed_system_dataset_and_version_are_in_the_id(home, monkeypatch):
    made = plan(TABLE_1, home)
    assert run_of(made, "asm-rh").id != run_of(made, "asm-rh", seed=1).id
    assert run_of(made, "asm").id != run_of(made, "asm-i").id  # the same model from other weights
    before = run_of(made, "asm-rh").id
    read = identity.version_of
    for file in ("models/asmrh", "frontends", "augment", "train/loop"):
        raised = lambda name, file=file: (read(name) or 0) + (name == file)  # noqa: E731
        monkeypatch.setattr(identity, "version_of", raised)
        assert run_of(plan(TABLE_1, home), "asm-rh").id != before
        assert (run_of(plan(TABLE_1, home), "asm").id == run_of(made, "asm").id) == (
            file == "models/asmrh"
        )


def test_another_protocol_is_another_run(home):
    printed = plan("asmrh-urbansound8k", home)
    official = plan("asmrh-urbansound8k", home, assume={"split-urbansound8k": "official"})
    assert not ids(printed) & ids(official)
    assert len(official.runs) == 10 * len(printed.runs)  # each seed trains on ten folds


def test_a_run_that_starts_from_another_names_it_and_comes_after_it(home, tmp_path):
    made = plan("eat-esc50", home, **DEMO)
    child = run_of(made, "eat-s@audioset")
    (parent,) = (run for run in made.parents if run.id in child.parents)
    assert parent.system == "eat-s"
    assert parent.clips.dataset == "audioset_unbalanced"
    assert parent.keep
    assert child.resolved["init"][0]["run"] == parent.id
    ready, blocked = remaining(made, answers(made, Ledger([tmp_path])))
    assert not blocked
    order = [run.id for run in ready]
    assert order.index(parent.id) < order.index(child.id)
    # The same run as the table on AudioSet trains: it is made once.
    assert parent.id in ids(plan("eat-audioset", home, **DEMO))


def test_a_child_waits_for_its_parents_weights(home, tmp_path):
    made = plan("eat-esc50", home, **DEMO)
    child = run_of(made, "eat-s@audioset")
    parent = next(run for run in made.parents if run.id in child.parents)
    fake_ledger.write(tmp_path, parent, {"test": {"map": 0.4}})
    ready, _ = remaining(made, answers(made, Ledger([tmp_path])))
    assert parent.id in {run.id for run in ready}  # its record came without weights
    fake_ledger.write(tmp_path, parent, {"test": {"map": 0.4}}, weights=b"")
    ready, _ = remaining(made, answers(made, Ledger([tmp_path])))
    assert parent.id not in {run.id for run in ready}
    assert child.id in {run.id for run in ready}


def test_a_child_of_a_parent_that_cannot_be_trained_cannot_be_either(home):
    made = plan("eat-esc50", home)  # full, without data
    child = run_of(made, "eat-s@audioset")
    _, blocked = remaining(made, answers(made, Ledger([home.runs])))
    texts = [gap.text for run in blocked if run.id == child.id for gap in run.missing]
    assert any("needs esc50" in text for text in texts)
    alone = plan("gafx-pretraining", home, **DEMO)
    ready, blocked = remaining(alone, answers(alone, Ledger([home.runs])))
    assert not ready  # the weights are missing: no parent is trained in vain
    assert {run.system for run in blocked} == {"gafx-r", "gafx-r@audioset"}
    # Once the data is here they are trained as well: their hours belong to those that wait.
    assert behind(made, answers(made, Ledger([home.runs])), []) == []
    full = plan("gafx-pretraining", home)
    _, blocked = remaining(full, answers(full, Ledger([home.runs])))
    first = behind(full, answers(full, Ledger([home.runs])), blocked)
    assert first == list(full.parents)
    fake_ledger.write(home.runs, first[0], {}, weights=b"")
    assert behind(full, answers(full, Ledger([home.runs])), blocked) == first[1:]


def test_the_readings_of_a_parent_are_in_the_id_of_its_child(home):
    plain = plan("gafx-pretraining", home, **DEMO)
    other = plan("gafx-pretraining", home, **DEMO, assume={"pretraining-epochs": "25"})
    assert run_of(plain, "gafx-r").id == run_of(other, "gafx-r").id
    assert run_of(plain, "gafx-r@audioset").id != run_of(other, "gafx-r@audioset").id
    assert "pretraining-scale" in {reading.assumption.key for reading in plain.assumed}


def test_a_teacher_is_the_same_run_without_a_teacher(home):
    made = plan("eat-phase", home, **DEMO, assume={"self-distillation": "teacher"})
    run = made.runs[0]
    (teacher,) = (parent for parent in made.parents if parent.id in run.parents)
    assert teacher.keep
    assert run.resolved["teacher"] == teacher.id
    assert teacher.resolved["split"] == run.resolved["split"]
    assert "distill" not in teacher.resolved["recipe"]
    alone = plan("eat-phase", home, **DEMO, assume={"self-distillation": "none"})
    assert teacher.id in ids(alone)


def test_published_weights_enter_by_their_hash_and_not_in_a_demo(home, monkeypatch):
    missing = run_of(plan(TABLE_1, home), "asm-i")
    here = store.Located("DeiT", home.root / "deit.pth", "ab" * 32, True)
    monkeypatch.setattr(store, "located", lambda name, data: here)
    there = run_of(plan(TABLE_1, home), "asm-i")
    assert there.resolved["init"][0]["sha256"] == "ab" * 32
    assert there.id != missing.id
    assert {gap.kind for gap in there.missing} == {"data"}
    (gap,) = run_of(plan(TABLE_1, home, **DEMO), "asm-i").missing
    assert "too small for DeiT weights" in gap.text


def test_micro_batches_are_part_of_the_run_only_under_batch_norm(home):
    plain, small = (plan("m3net-speechcommands", home, **DEMO, micro_batch=n) for n in (0, 8))
    assert not ids(plain) & ids(small)
    assert small.runs[0].resolved["recipe"]["micro_batch"] == 8
    assert "micro_batch" not in small.runs[0].job()
    plain, small = (plan(TABLE_1, home, **DEMO, micro_batch=n) for n in (0, 8))
    assert ids(plain) == ids(small)
    assert small.runs[0].job()["micro_batch"] == 8


@pytest.mark.parametrize(
    ("protocol", "expected"), [(None, "grouped"), ("random", "random"), ("grouped", "grouped")]
)
def test_another_dataset_is_split_as_it_calls_for_or_as_asked(protocol, expected, home):
    made = plan(TABLE_1, home, on="ravdess_speech", audio="local", protocol=protocol)
    clips = made.runs[0].clips
    assert (clips.dataset, clips.protocol) == ("ravdess_speech", expected)
    assert (clips.test, clips.valid) == (0.2, 0.1)


def test_an_augmentation_that_a_front_end_cannot_use_is_said(home, tmp_path):
    shutil.copytree(places.shipped("tables") / "asmrh", tmp_path / "asmrh")
    path = tmp_path / "asmrh" / "recipes.toml"
    path.write_text(path.read_text().replace("augment = {", 'augment = { noises = ["white"],', 1))
    edited = catalogue.load_file(tmp_path / "asmrh" / "speechcommands.toml")
    (gap, *_) = plan_table(edited, Request(), home).runs[0].missing
    assert gap.kind == "code"
    assert "augment.noises with front end 'fbank'" in gap.text


# Every alternative of every table takes a while; Table I stands for them in `make test`.
TABLES = [
    pytest.param(entry, id=entry.id, marks=[] if entry.id == TABLE_1 else [pytest.mark.slow])
    for entry in catalogue.load_all()
]


@pytest.mark.parametrize("entry", TABLES)
def test_every_listed_alternative_resolves_and_changes_the_runs_that_it_bears_on(entry, home):
    plain = plan_table(entry, Request(), home)
    bearing = {reading.assumption.key for reading in plain.assumed}
    for assumption in entry.assumptions():
        for alternative in assumption.alternatives:
            chosen = {assumption.key: as_text(alternative.value)}
            about = assumption.path.startswith("statistics")
            if plain.runs and assumption.key not in bearing and not about:
                with pytest.raises(UserError, match=f"depends on --assume {assumption.key}"):
                    plan_table(entry, Request(assume=chosen), home)
                continue
            made = plan_table(entry, Request(assume=chosen), home)
            about_runs = assumption.key in bearing and not about
            assert (ids(made) != ids(plain)) == about_runs, chosen
            if assumption.key in bearing:
                (value,) = (v for a, v, _ in made.assumed if a.key == assumption.key)
                assert as_text(value) == as_text(alternative.value)


@pytest.mark.parametrize("entry", TABLES)
def test_every_table_has_a_demo(entry, home):
    full, demo = (plan_table(entry, Request(**request), home) for request in ({}, DEMO))
    assert len(demo.cells) == len(full.cells)
    assert {(r.system, r.seed) for r in demo.runs} == {(r.system, r.seed) for r in full.runs}
    for run in demo.runs:
        assert not [gap for gap in run.missing if gap.kind == "data"]


def test_values_are_written_as_they_are_typed():
    assert [as_text(v) for v in (True, False, 0, 0.5, "time", [0.9, 0.999])] == [
        "true", "false", "0", "0.5", "time", "0.9,0.999",
    ]  # fmt: skip
