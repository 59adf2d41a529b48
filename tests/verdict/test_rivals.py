"""Systems compared where no paper does: each pair on other data, the user's against the paper's."""

import pytest

from repro.data import manifest
from repro.errors import UserError
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.render import grid, markdown
from repro.spec import catalogue
from repro.verdict.declared import rivals
from tests import fake_ledger

TABLE = "m3net-urbansound8k"
NETWORK = "def build(classes, input_shape, width=4): ...\n"


@pytest.fixture
def mynet(tmp_path, monkeypatch):
    """Give the user a model."""
    folder = tmp_path / "extensions" / "models"
    folder.mkdir(parents=True)
    (folder / "mynet.py").write_text(NETWORK)
    (folder / "mynet.toml").write_text('model = "mynet"\n')
    monkeypatch.setenv("REPRO_EXTENSIONS", str(folder.parent))
    return folder


def filled(folder, value, **request):
    plan = plan_table(catalogue.load(TABLE), Request(**request), fake_ledger.home(folder))
    fake_ledger.fill(folder / "runs", plan, value)
    return grid.build(plan, Ledger([folder / "runs"]), "repro table", folder)


def test_the_users_model_is_tested_on_real_pairs_and_leaves_the_papers_verdict_alone(
    mynet, tmp_path
):
    base = {0: 97.0, 1: 97.5, 2: 97.0, 3: 97.5, 4: 98.0}
    better = {0: 1.0, 1: 1.5, 2: 1.0, 3: 1.0, 4: 1.0}  # points above, seed by seed

    def value(run):
        return base[run.seed] + (better[run.seed] if run.system == "mynet" else 0)

    alone = filled(tmp_path / "a", lambda run: base[run.seed])
    made = filled(tmp_path / "b", value, own=("mynet",))
    (one,) = made.rivals
    assert (one.better, one.worse, one.metric) == ("mynet", "m3net", "test.accuracy")
    assert one.effect == pytest.approx(1.1)  # (1 + 1.5 + 1 + 1 + 1) / 5
    assert one.n == (5,)  # each seed has one split, which both have
    assert one.ranks == one.ranks_least == 2 / 2**5  # all five have one sign: the least there is
    assert rivals.told(one) in made.notes
    mine = made.cells["mynet", "accuracy"]
    assert (mine.ours, mine.printed, mine.delta, mine.verdict) == (
        pytest.approx(98.5), "", None, "NO VERDICT"
    )  # fmt: skip
    assert made.cells["mynet", "parameters"].ours == 1000 / 1e6  # as its records state
    assert made.judgement.table.word == alone.judgement.table.word
    assert made.judgement.table.counts == alone.judgement.table.counts
    own, cells = alone.judgement.table.coverage.split(", ")
    assert made.judgement.table.coverage == f"{own}, 5 of 5 of mynet, {cells}"
    for at, cell in alone.cells.items():
        assert made.cells[at].judged == cell.judged
    assert "WITH mynet" in made.marks


def test_on_other_data_each_pair_is_one_family_and_only_asked_seeds_count(mynet, tmp_path):
    made = filled(
        tmp_path, lambda run: 50.0 + len(run.system), on="esc10", seeds=(0, 1),
        systems=("m3net", "mynet", "eat-s"),
    )  # fmt: skip
    assert [(one.better, one.worse) for one in made.rivals] == [
        ("m3net", "mynet"), ("m3net", "eat-s"), ("mynet", "eat-s")
    ]  # fmt: skip
    assert all(one.effect == 0 and one.word == "UNDECIDED" for one in made.rivals)
    for cell in made.cells.values():
        assert (cell.printed, cell.delta) == ("", None)
        assert cell.n_done == cell.n_needed
    assert not any("Verdict" in note for note in made.notes)
    fewer = filled(tmp_path, lambda run: None, on="esc10", seeds=(2,), systems=("m3net", "mynet"))
    (one,) = fewer.rivals
    assert "not compared (m3net not run)" in rivals.told(one)


def test_nothing_is_compared_on_generated_audio_or_without_a_wish(mynet, tmp_path):
    demo = {"profile": "demo", "audio": "generated"}
    assert filled(tmp_path, lambda run: 50.0, own=("mynet",), **demo).rivals == ()
    assert filled(tmp_path, lambda run: 50.0).rivals == ()


def test_the_file_is_part_of_the_id_and_splits_are_those_of_the_papers_systems(mynet, tmp_path):
    def runs(**request):
        asked = Request(own=("mynet",), **request)
        made = plan_table(catalogue.load(TABLE), asked, fake_ledger.home(tmp_path))
        return {(run.system, run.seed): run for run in made.runs}

    before = runs()
    assert {system for system, _ in before} == {"m3net", "mynet"}
    for seed in range(5):
        mine, theirs = before["mynet", seed].resolved, before["m3net", seed].resolved
        assert mine["split"] == theirs["split"]
        assert mine["recipe"] == theirs["recipe"]
        assert mine["model"]["version"].startswith("sha256:")
    (mynet / "mynet.py").write_text(NETWORK + "# another file\n")
    after = runs()
    assert after["mynet", 0].id != before["mynet", 0].id
    assert after["m3net", 0].id == before["m3net", 0].id


def test_a_value_that_is_set_for_a_look_is_in_title_and_id_and_takes_the_verdict(tmp_path):
    look = filled(tmp_path, lambda run: 97.0, settings={"recipe.epochs": "3"})
    assert "SET recipe.epochs=3" in look.marks
    assert {run.resolved["recipe"]["epochs"] for run in look.plan.runs} == {3}
    assert look.cells["M3Net", "accuracy"].verdict == "NO VERDICT"
    assert "--set recipe.epochs=3" in " ".join(look.plan.request.words())


def test_reported_numbers_are_paired_by_seed_and_fold_and_are_no_run_of_ours(tmp_path):
    file = tmp_path / "results.csv"
    rows = [f"theirs,{seed},1,accuracy,{98 + 0.1 * seed}" for seed in range(5)]
    file.write_text("\n".join(["system,seed,fold,metric,value", *rows]))
    base = {0: 97.0, 1: 97.5, 2: 97.0, 3: 97.5, 4: 98.0}
    made = filled(tmp_path, lambda run: base[run.seed], own=(str(file),))
    cell = made.cells["theirs", "accuracy"]
    assert (cell.state, cell.text, cell.runs, cell.ours) == (
        "reported", "98.20 ± 0.16", (), None  # the sample deviation of 98, 98.1, ... 98.4
    )  # fmt: skip
    (one,) = made.rivals
    # 1.0, 0.6, 1.2, 0.8 and 0.4 points above, seed by seed.
    assert (one.better, one.n) == ("theirs", (5,))
    assert one.effect == pytest.approx(0.8)
    assert "at your word" in one.note
    assert {run.system for run in made.plan.runs} == {"m3net"}
    assert "reported by you in results.csv, no run of ours" in " ".join(made.notes)
    page = markdown.render(made, "both")
    assert "theirs (reported by you)" in page
    assert "98.20 ± 0.16 (reported by you)" in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("system,seed,value\na,0,1", "its columns are system, seed, value"),
        ("system,seed,fold,metric,value\na,0,1,accuracy,0.97", "write 97.4, not 0.974"),
        ("system,seed,fold,metric,value\na,0,1,f1,97", "line 2: unknown metric 'test.f1'"),
        ("system,seed,fold,metric,value\na,x,1,accuracy,97", "line 2: seed 'x'"),
        ("system,seed,fold,metric,value\na,0,1,accuracy,970", "line 2: value '970'"),
        ("system,seed,fold,metric,value\na,0,1,auc,97\na,0,1,auc,98", "line 3: seed 0, fold 1"),
        ("system,seed,clip,no\na,0,x,1", "are not the classes of esc10"),
    ],
)
def test_a_mistake_in_a_file_of_results_is_named(tmp_path, text, said):
    file = tmp_path / "results.csv"
    file.write_text(text)
    with pytest.raises(UserError) as error:
        filled(tmp_path, lambda run: 1.0, own=(str(file),), on="esc10")
    assert said in f"{error.value.message} {error.value.next_step}"


def test_reported_scores_are_measured_here_and_compared_on_equal_clips_only(tmp_path):
    home = fake_ledger.home(tmp_path)
    listed = manifest.load("esc10", home.data)
    right, wrong = listed.clips[:3], listed.clips[3:5]
    lines = [",".join(["system", "seed", "clip", *listed.classes])]
    for clip, hit in [*((c, True) for c in right), *((c, False) for c in wrong)]:
        scores = ["1" if (name == clip.label) == hit else "0" for name in listed.classes]
        lines.append(f"theirs,0,{clip.id},{','.join(scores)}")
    (tmp_path / "scores.csv").write_text("\n".join(lines))
    made = filled(tmp_path, lambda run: 50.0, own=(str(tmp_path / "scores.csv"),), on="esc10")
    assert made.cells["theirs", "accuracy"].text == "60.00"  # three of five
    (one,) = made.rivals
    assert one.effect is None
    assert "other test clips" in rivals.told(one)
