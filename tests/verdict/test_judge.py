"""Verdicts of cells and tables from fabricated records; worked examples of statistics.md."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats as scipy_stats

from repro.data.outlines import Outline
from repro.plan.planning import TablePlan
from repro.plan.request import Request, Run
from repro.records.ledger import Ledger
from repro.stats.summary import expected_max, fold_means, summarise_folds
from repro.verdict import judge, reduction
from repro.verdict.judge import CellVerdict, Judgement
from tests import fake_ledger
from tests.fake_ledger import cell, edited, fill, found, planned

THREE = {"splits-behind": "3"}  # m = 3, as the worked examples have it


def judged(folder: Path, plan: TablePlan) -> Judgement:
    return judge.judge(plan, found(folder, plan))


def asmrh(
    folder: Path, values: dict[str, list[float]], assume: dict[str, str] = THREE
) -> tuple[TablePlan, Judgement]:
    """Judge ASM-RH Table II, whose ASM-RH is printed as 95.80, from accuracies by system."""
    plan = planned(folder, "asmrh-urbansound8k", assume=assume)
    fill(folder / "runs", plan, lambda run: by_seed(values, run))
    return plan, judged(folder, plan)


def by_seed(values: dict[str, list[float]], run: Run) -> float | None:
    own = values.get(run.system, [])
    return own[run.seed] if run.seed < len(own) else None


def rh(folder: Path, values: list[float], assume: dict[str, str] = THREE) -> CellVerdict:
    return asmrh(folder, {"asm-rh": values}, assume)[1].cells["t-acc", "ASM-RH"]


# ---- worked examples ---------------------------------------------------------------------------


def test_example_10_reproduced(tmp_path: Path) -> None:
    cell = rh(tmp_path, [95.2, 95.9, 96.1])
    assert (cell.word, cell.reason, cell.note) == ("REPRODUCED", "", "")
    assert cell.mean == pytest.approx(95.733333, abs=1e-6)
    assert cell.interval == pytest.approx((-0.8634, 0.7300), abs=1e-4)
    assert cell.p == pytest.approx(0.037931, abs=1e-6)
    assert (cell.n, cell.df, cell.margin) == (3, 2, 1.0)
    assert cell.mean is not None
    assert cell.h is not None
    assert cell.mean - cell.h == pytest.approx(94.0731, abs=1e-4)
    assert cell.mean + cell.h == pytest.approx(97.3936, abs=1e-4)
    assert cell.sentence == (
        "REPRODUCED: ours 95.73 (3 runs), printed 95.80, difference −0.07; "
        "90 % interval [−0.86, 0.73] within ±1.00 (p = 0.038)."
    )


def test_example_10_with_one_run_behind_the_print(tmp_path: Path) -> None:
    cell = rh(tmp_path, [95.2, 95.9, 96.1], assume={})
    assert cell.word == "REPRODUCED"
    assert cell.mean is not None
    assert cell.h is not None
    assert cell.mean - cell.h == pytest.approx(93.385418, abs=1e-6)
    assert cell.mean + cell.h == pytest.approx(98.081249, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "word", "reason", "note"),
    [
        ([83.1, 84.0, 83.6], "DIFFERENT", "", ""),
        ([95.0, 96.9, 93.2], "INCONCLUSIVE", "wide", ""),
        ([96.5, 96.6, 96.7], "REPRODUCED", "", "detectably different, within the margin"),
        ([97.0, 97.1, 97.05], "DIFFERENT", "", ""),
        ([95.2, 95.9, 94.9], "COMPATIBLE", "", ""),
        ([96.7, 96.8, 96.9], "INCONCLUSIVE", "borderline", ""),
    ],
)
def test_example_10_others_and_every_word_of_the_rule(
    tmp_path: Path, values: list[float], word: str, reason: str, note: str
) -> None:
    cell = rh(tmp_path, values)
    assert (cell.word, cell.reason, cell.note) == (word, reason, note)
    assert cell.sentence.startswith(f"{word} ({reason})" if reason else word)


def test_example_11_passes_over_fixed_folds(tmp_path: Path) -> None:
    """Two passes over the five folds of ESC-50: v = 5, the spread within folds, not between."""
    passes = [[84.2, 81.5, 79.9, 83.0, 85.1], [84.8, 80.9, 80.5, 82.4, 85.5]]
    changes = {"seeds = [0, 1, 2]": "seeds = [0, 1]", 'cells = ["81"]': 'cells = ["82.5"]'}
    plan = planned(tmp_path, edited(tmp_path, "eat-phase", changes))
    fill(
        tmp_path / "runs",
        plan,
        lambda run: passes[run.seed][run.clips.fold] if run.system == "eat-s" else None,
    )
    got = judged(tmp_path, plan).cells["baseline", "accuracy"]
    assert (got.word, got.n, got.df) == ("REPRODUCED", 2, 5)
    assert got.mean == pytest.approx(82.78)
    assert got.interval == pytest.approx((82.5251 - 82.5, 83.0349 - 82.5), abs=1e-4)
    assert got.se == pytest.approx(0.4 / 10**0.5)
    assert got.mean is not None
    assert got.h is not None
    assert got.mean - got.h == pytest.approx(82.3602, abs=1e-4)
    assert "2 passes over 5 folds" in got.sentence


THREE_SYSTEMS = {
    "asm-rh": [95.2, 95.9, 96.1], "asm-i": [91.1, 92.0, 91.9], "asm": [89.1, 90.0, 89.4],
}  # fmt: skip


def test_example_14_the_spread_is_pooled_over_three_systems(tmp_path: Path) -> None:
    _, judgement = asmrh(tmp_path, THREE_SYSTEMS)
    for column in ("ASM", "ASM-I", "ASM-RH"):
        cell = judgement.cells["t-acc", column]
        assert cell.word == "REPRODUCED"
        assert cell.df == 6
        assert cell.se == pytest.approx(0.4749269 / 3**0.5, abs=1e-7)
        assert cell.e == pytest.approx(0.532818, abs=1e-6)
        assert cell.h == pytest.approx(0.948854, abs=1e-6)
        assert "s pooled over 3 systems, 6 df" in cell.flags


def test_two_systems_are_not_pooled(tmp_path: Path) -> None:
    two = {name: THREE_SYSTEMS[name] for name in ("asm-rh", "asm")}
    _, judgement = asmrh(tmp_path, two)
    assert judgement.cells["t-acc", "ASM-RH"].df == 2


def test_pooling_is_refused_where_spreads_differ_threefold(tmp_path: Path) -> None:
    wild = {**THREE_SYSTEMS, "asm": [80.0, 90.0, 99.0]}
    _, judgement = asmrh(tmp_path, wild)
    cell = judgement.cells["t-acc", "ASM-RH"]
    assert cell.df == 2
    assert any("not pooled" in flag for flag in cell.flags)


def test_five_runs_keep_their_own_spread(tmp_path: Path) -> None:
    plan = planned(tmp_path, "gafx-genre")
    draw = random.Random(1)
    fill(tmp_path / "runs", plan, lambda run: 60 + draw.random())
    cells = judged(tmp_path, plan).cells
    assert {cells[row, "accuracy"].df for row in ("GAFX-U", "AST-S", "AST-Ti")} == {4}


def test_equal_counts_leave_the_rounding_of_an_accuracy(tmp_path: Path) -> None:
    cell = rh(tmp_path, [95.8, 95.8, 95.8])  # of 1,000 clips
    assert cell.se == pytest.approx(100 / 1000 / 12**0.5 / 3**0.5)


# ---- what cannot be decided --------------------------------------------------------------------


def test_no_runs(tmp_path: Path) -> None:
    _, judgement = asmrh(tmp_path, {})
    cell = judgement.cells["t-acc", "ASM-RH"]
    assert (cell.word, cell.reason, cell.n_done, cell.n_needed) == ("NOT RUN", "", 0, 3)
    assert judgement.table.word == "NOT RUN"


@pytest.mark.parametrize("runs", [1, 2])
def test_partial_coverage_never_reads_as_success(tmp_path: Path, runs: int) -> None:
    values = {name: own[:runs] for name, own in THREE_SYSTEMS.items()}
    _, judgement = asmrh(tmp_path, values)
    assert {cell.word for cell in judgement.cells.values()} == {"INCONCLUSIVE"}
    assert {cell.reason for cell in judgement.cells.values()} == {"partial"}
    assert (judgement.table.word, judgement.table.reason) == ("INCONCLUSIVE", "partial")
    assert {claim.word for claim in judgement.claims} == {"UNDECIDED"}
    assert f"{3 * runs} of 9 runs" in judgement.table.coverage
    assert "0 of 3 primary cells complete" in judgement.table.coverage


def test_one_system_missing_leaves_the_table_open(tmp_path: Path) -> None:
    two = {name: THREE_SYSTEMS[name] for name in ("asm-rh", "asm")}
    _, judgement = asmrh(tmp_path, two)
    assert judgement.cells["t-acc", "ASM-RH"].word == "REPRODUCED"
    assert (judgement.table.word, judgement.table.reason) == ("INCONCLUSIVE", "partial")
    assert "2 of 3 primary cells complete" in judgement.table.coverage


def test_some_folds_are_no_unit(tmp_path: Path) -> None:
    plan = planned(tmp_path, "eat-phase")
    fill(tmp_path / "runs", plan, lambda run: 80.0 if run.clips.fold < 3 else None)
    cell = judged(tmp_path, plan).cells["baseline", "accuracy"]
    assert (cell.word, cell.reason, cell.n_done) == ("NOT RUN", "partial", 9)


def test_one_pass_says_nothing_about_its_spread(tmp_path: Path) -> None:
    plan = planned(tmp_path, "eat-urbansound8k")  # one seed declared
    fill(tmp_path / "runs", plan, lambda run: 85.5 if run.system == "eat-s" else None)
    cell = judged(tmp_path, plan).cells["EAT-S", "accuracy"]
    assert (cell.word, cell.reason, cell.n) == ("INCONCLUSIVE", "one-pass", 1)
    assert cell.difference == pytest.approx(0)
    assert cell.se is None


def test_two_runs_are_too_few(tmp_path: Path) -> None:
    entry = edited(tmp_path, "asmrh-urbansound8k", {"seeds = [0, 1, 2]": "seeds = [0, 1]"})
    plan = planned(tmp_path, entry)
    fill(tmp_path / "runs", plan, lambda run: by_seed({"asm-rh": [95.7, 95.8]}, run))
    cell = judged(tmp_path, plan).cells["t-acc", "ASM-RH"]
    assert (cell.word, cell.reason, cell.df) == ("INCONCLUSIVE", "wide", 1)


def test_a_metric_that_the_records_lack_is_missing(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    for run in plan.runs:
        fake_ledger.write(tmp_path / "runs", run, {"test": {"accuracy": 0.9, "auc": None}})
    cell = judged(tmp_path, plan).cells["t-auc", "ASM"]
    assert (cell.word, cell.reason) == ("INCONCLUSIVE", "partial")
    assert "have no test.auc" in cell.sentence


def test_divergence_among_numbers_is_shown_and_decides_nothing(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k", assume=THREE)
    for run in plan.runs:
        if (run.system, run.seed) == ("asm-rh", 1):
            fake_ledger.diverge(tmp_path / "runs", run)
        else:
            accuracy = {"accuracy": THREE_SYSTEMS[run.system][run.seed] / 100}
            fake_ledger.write(tmp_path / "runs", run, {"test": accuracy})
    judgement = judged(tmp_path, plan)
    cell = judgement.cells["t-acc", "ASM-RH"]
    assert (cell.word, cell.reason, cell.note) == ("INCONCLUSIVE", "diverged", "2/3 converged")
    assert judgement.cells["t-acc", "ASM"].df == 2  # no pool with a diverged system
    assert judgement.claims[0].reason == "asm-rh: some runs diverged"


# ---- what the records are of -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Request(profile="demo", audio="generated"), "demo"),
        (Request(audio="generated"), "generated"),
        (Request(subset=True), "subset"),
    ],
)
def test_no_verdict_where_the_numbers_are_not_the_papers(
    tmp_path: Path, request_: Request, reason: str
) -> None:
    plan = replace(planned(tmp_path, "asmrh-speechcommands"), request=request_)
    fill(tmp_path / "runs", plan, lambda run: 94.0 + run.seed / 10)
    judgement = judged(tmp_path, plan)
    assert {(c.word, c.reason) for c in judgement.cells.values()} == {("NO VERDICT", reason)}
    assert {c.n_done for c in judgement.cells.values()} == {3}
    assert (judgement.table.word, judgement.table.reason) == ("NO VERDICT", reason)
    assert {(c.word, c.reason, c.p) for c in judgement.claims} == {("UNDECIDED", reason, None)}


def test_an_assumed_reading_is_judged_and_marked(tmp_path: Path) -> None:
    _, judgement = asmrh(tmp_path, THREE_SYSTEMS)
    assert "assuming splits-behind=3" in judgement.cells["t-acc", "ASM"].flags
    assert "REPRODUCED, assuming splits-behind=3" in judgement.table.sentence


def test_part_of_a_dataset_is_at_most_compatible(tmp_path: Path) -> None:
    plan, judgement = asmrh(tmp_path, THREE_SYSTEMS)
    assert judgement.table.word == "REPRODUCED"
    part = Outline(digest="", sizes={}, classes=(), present=8700, total=8732)
    plan.outlines["urbansound8k"] = part
    judgement = judged(tmp_path, plan)
    cell = judgement.cells["t-acc", "ASM-RH"]
    assert (cell.word, cell.reason) == ("COMPATIBLE", "part")
    assert "part of urbansound8k: 8,700 of 8,732 clips" in cell.flags
    assert judgement.table.word == "COMPATIBLE"
    assert "8,700 of 8,732 clips of urbansound8k" in judgement.table.coverage


def test_mixed_executions_are_flagged(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    for run in plan.runs:
        values = {"test": {"accuracy": 0.9}, "valid": {"accuracy": 0.9}}
        name = "that" if (run.system, run.seed) == ("asm", 2) else "this"
        fake_ledger.write(tmp_path / "runs", run, values, execution=name)
    cells = judged(tmp_path, plan).cells
    mixed = [flag for flag in cells["t-acc", "ASM"].flags if flag.startswith("mixed")]
    named = sorted((fake_ledger.execution_id(name), name) for name in ("this", "that"))
    told = ", ".join(f"{execution} (x86_64 {name}, exact)" for execution, name in named)
    assert mixed == [f"mixed executions: {told}"]
    assert not any("mixed" in flag for flag in cells["t-acc", "ASM-RH"].flags)


def test_selection_on_the_scored_clips_is_flagged(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k-10fold", assume={"selection-folds": "test"})
    fill(tmp_path / "runs", plan, lambda run: 97.0)
    cells = judged(tmp_path, plan).cells
    assert "epoch chosen on the test clips that are scored" in cells["ASM-RH-I", "avg"].flags
    plan, judgement = asmrh(tmp_path / "2", THREE_SYSTEMS)
    flag = "epoch chosen on the valid clips that are scored"
    assert flag in judgement.cells["v-acc", "ASM"].flags
    assert flag not in judgement.cells["t-acc", "ASM"].flags


# ---- folds, best of folds, increments, spreads -------------------------------------------------


def test_random_folds_have_the_pass_as_their_unit(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k-10fold")
    draw = random.Random(5)
    fill(tmp_path / "runs", plan, lambda run: 97.9 + draw.gauss(0, 0.5))
    judgement = judged(tmp_path, plan)
    average = judgement.cells["ASM-RH-I", "avg"]
    assert (average.n, average.df) == (3, 2)  # not k (r - 1) = 20
    best = judgement.cells["ASM-RH-I", "best"]
    assert (best.n, best.df) == (3, 2)
    assert best.mean is not None
    assert average.mean is not None
    assert best.mean > average.mean


@pytest.mark.parametrize("fixed", [False, True])
def test_the_best_of_folds_stands_beside_what_chance_gives(tmp_path: Path, fixed: bool) -> None:
    changes = {'split_seed = "run"\nwhy = "The text says': 'why = "The text says'} if fixed else {}
    plan = planned(tmp_path, edited(tmp_path, "asmrh-urbansound8k-10fold", changes))
    draw = random.Random(7)
    values = {(s, f): 95 + f / 5 + draw.gauss(0, 0.5) for s in range(3) for f in range(10)}
    fill(tmp_path / "runs", plan, lambda run: values[run.seed, run.clips.fold])
    passes = [[values[s, f] for f in range(10)] for s in range(3)]
    if fixed:  # folds keep their difficulty
        within = (sum(sample_variance([p[f] for p in passes]) for f in range(10)) / 10) ** 0.5
        expected = expected_max(fold_means(passes), within)
    else:
        expected = sum(summarise_folds(p).expected_best_c4 for p in passes) / 3
    note = judged(tmp_path, plan).cells["ASM-RH-I", "best"].note
    assert note == f"the best of 10 folds is expected at {expected:.2f} by chance alone"


def sample_variance(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def test_an_increment_has_the_standard_error_of_both_rows(tmp_path: Path) -> None:
    """SE^2 = s_w^2(A)/(kr) + s_w^2(B)/(kr), with two rows only and so nothing pooled."""
    plan = planned(tmp_path, "eat-ablation-mixing")
    offsets = {0: -0.3, 1: 0.0, 2: 0.3}
    rows = {"baseline": 83.0, "mixup": 86.4}
    for name, level in rows.items():
        for run in cell(plan, name, "relative").runs:
            sign = 1 if run.clips.fold % 2 else -1  # so that passes are hardly apart
            accuracy = (level + sign * offsets[run.seed]) / 100
            fake_ledger.write(tmp_path / "runs", run, {"test": {"accuracy": accuracy}})
    cells = judged(tmp_path, plan).cells
    mixup = cells["mixup", "relative"]
    assert mixup.difference == pytest.approx(3.4 - 3.5)
    assert mixup.margin == 1.0
    assert mixup.se == pytest.approx((2 * 0.3**2 / 15) ** 0.5)
    assert mixup.df == pytest.approx(20)
    assert mixup.word == "REPRODUCED"
    assert cells["cutmix", "relative"].word == "NOT RUN"


def passes_apart(folder: Path, effect: dict[str, float]) -> dict[tuple[str, str], CellVerdict]:
    """Judge EAT's mixing rows: folds that add up to nothing in each pass, and effects of passes.

    effect: what a pass is above the one before it, by row; "" for the other rows.
    """
    plan = planned(folder, "eat-ablation-mixing")
    draw = random.Random(2)
    noise = {}
    for row in plan.cells:
        for seed in (0, 1, 2):
            folds = [draw.gauss(0, 0.3) for _ in range(5)]
            shift = effect.get(row.row.id, effect[""]) * (seed - 1) - sum(folds) / 5
            noise |= {r.id: folds[r.clips.fold] + shift for r in row.runs if r.seed == seed}
    fill(folder / "runs", plan, lambda run: 85 + noise[run.id])
    return judged(folder, plan).cells


def test_pooled_rows_share_their_degrees_of_freedom(tmp_path: Path) -> None:
    cells = passes_apart(tmp_path, {"": 0.0})
    assert cells["baseline", "relative"].df == 50  # 5 systems x 5 folds x 2
    assert cells["mixup", "relative"].df == 50  # not 100
    assert "s pooled over 5 systems, 50 df" in cells["mixup", "relative"].flags


def test_an_effect_of_the_pass_takes_the_standard_error_of_passes(tmp_path: Path) -> None:
    """Passes at -.5, 0, .5 in every row: sd .5 and 2 df each; between two rows nothing is left."""
    cells = passes_apart(tmp_path, {"": 0.5})
    row = cells["baseline", "relative"]
    assert row.se == pytest.approx(0.5 / 3**0.5)
    assert row.df == 10  # 5 systems x 2
    apart = "passes lie further apart than their folds explain: standard error by passes, 10 df"
    assert apart in row.flags
    assert row.h == pytest.approx(scipy_stats.t.ppf(0.975, 10) * 0.5 * (2 / 3) ** 0.5)  # m = 3
    assert cells["mixup", "relative"].df == 50
    assert not any("passes lie" in flag for flag in cells["mixup", "relative"].flags)


def test_increments_have_passes_of_their_own(tmp_path: Path) -> None:
    """Mixup's passes alone at -.6, 0, .6: the two increments that it enters, of the four."""
    cells = passes_apart(tmp_path, {"": 0.0, "mixup": 0.6})
    assert any("by passes" in flag for flag in cells["mixup", "relative"].flags)
    assert cells["mixup", "relative"].df == 2  # spreads of 0 and .6 are not pooled
    assert cells["mixup", "relative"].se == pytest.approx(0.6 / 3**0.5)
    assert not any("by passes" in flag for flag in cells["phasemix", "relative"].flags)


@pytest.mark.parametrize(
    ("ratio", "where"), [(0.61, "inside"), (2.8, "inside"), (0.59, "outside"), (2.9, "outside")]
)
def test_a_printed_spread_is_compared_with_ours(tmp_path: Path, ratio: float, where: str) -> None:
    """The printed x is 1.50; with n = 5 the 95 % interval of the SD is .599 s to 2.874 s."""
    values = [-2, -1, 0, 1, 2]
    scale = 1.5 / ratio / 2.5**0.5  # so that x = ratio s
    plan = planned(tmp_path, "gafx-pretraining")
    fill(tmp_path / "runs", plan, lambda run: 47.1 + scale * values[run.seed])
    note = judged(tmp_path, plan).cells["without", "accuracy"].note
    assert f"the printed ±1.50 is {where} the 95 % interval" in note


# ---- the table ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "coverage"),
    [
        ("eat-architecture", "8 of 8 primary cells complete"),
        ("gafx-resnet-architecture", "13 of 13 primary cells complete"),
        ("eat-augmentations", "nothing to run"),
    ],
)
def test_what_is_counted_has_no_level_and_no_runs(
    tmp_path: Path, table: str, coverage: str
) -> None:
    plan = planned(tmp_path, table)
    measured = reduction.measurements(plan, Ledger.of(fake_ledger.home(tmp_path)))
    statement = judge.judge(plan, {}, measured).table
    assert statement.level == ""
    assert statement.coverage == coverage
    assert "Level" not in statement.sentence
    assert "runs done" not in statement.sentence


def test_a_trained_table_says_that_its_level_is_not_there_yet(tmp_path: Path) -> None:
    statement = judged(tmp_path, planned(tmp_path, "asmrh-ablation")).table
    assert statement.level == "no trained primary cell is complete"
    assert "Level: no trained primary cell is complete." in statement.sentence


def test_the_whole_table_is_reproduced(tmp_path: Path) -> None:
    _, judgement = asmrh(tmp_path, THREE_SYSTEMS)
    table = judgement.table
    assert table.word == "REPRODUCED"
    assert table.votes == {"REPRODUCED": 3}
    assert table.order == "2 claims: 2 confirmed"
    assert judgement.primary == {("t-acc", c) for c in ("ASM", "ASM-I", "ASM-RH")}
    # Level: per seed (−.6 −.66 −.41)/3, (.1 .24 .49)/3, (.3 .14 −.11)/3.
    shifts = [(-0.6 - 0.66 - 0.41) / 3, (0.1 + 0.24 + 0.49) / 3, (0.3 + 0.14 - 0.11) / 3]
    mean = sum(shifts) / 3
    half = 4.302653 * (sample_variance(shifts) / 3) ** 0.5
    text = f"mean shift {mean:+.2f}, 95 % interval [{mean - half:.2f}, {mean + half:.2f}]"
    assert table.level == text.replace("-", "−") + ", over 3 cells and 3 seeds"


def test_validation_and_auc_do_not_vote(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k", assume=THREE)
    for run in plan.runs:
        test = {"accuracy": THREE_SYSTEMS[run.system][run.seed] / 100, "auc": 0.5}
        values = {"test": test, "valid": {"accuracy": 0.2, "auc": 0.5}}
        fake_ledger.write(tmp_path / "runs", run, values)
    judgement = judged(tmp_path, plan)
    assert judgement.cells["v-acc", "ASM"].word == "DIFFERENT"
    assert judgement.table.word == "REPRODUCED"
    assert judgement.table.counts["DIFFERENT"] == 9


def test_one_cell_far_off_makes_the_table_different(tmp_path: Path) -> None:
    off = {**THREE_SYSTEMS, "asm": [79.1, 80.0, 79.4]}
    _, judgement = asmrh(tmp_path, off)
    assert judgement.cells["t-acc", "ASM"].word == "DIFFERENT"
    assert judgement.table.word == "DIFFERENT"


def test_holm_guards_the_table_against_one_cell_in_many(tmp_path: Path) -> None:
    """A cell just outside its 95 % prediction interval is DIFFERENT, but not at 5 % of three."""
    just = {**THREE_SYSTEMS, "asm": [90.68, 91.58, 90.98]}  # 1.57 from 89.51
    _, judgement = asmrh(tmp_path, just, assume={})
    cell = judgement.cells["t-acc", "ASM"]
    assert cell.word == "DIFFERENT"
    assert cell.p_different is not None
    assert 0.05 / 3 < cell.p_different < 0.05
    assert judgement.table.word == "INCONCLUSIVE"


def test_a_compatible_cell_makes_the_table_compatible(tmp_path: Path) -> None:
    shifted = {**THREE_SYSTEMS, "asm-rh": [94.6, 95.3, 95.5]}
    _, judgement = asmrh(tmp_path, shifted)
    assert judgement.table.votes == {"REPRODUCED": 2, "COMPATIBLE": 1}
    assert judgement.table.word == "COMPATIBLE"


def test_a_contradicted_claim_forbids_reproduced(tmp_path: Path) -> None:
    """In VI, H is printed .15 above R; here the claim is turned round and so contradicted."""
    changes = {
        'better = "asm-rh"\nworse = "asm-h"': 'better = "asm-h"\nworse = "asm-rh"',
        "seeds = [0, 1, 2]": "seeds = [0, 1, 2, 3, 4]",
    }
    plan = planned(tmp_path, edited(tmp_path, "asmrh-ablation", changes))
    level = {"asm-rh": 95.8, "asm-h": 95.19, "asm-r": 95.04}
    fill(tmp_path / "runs", plan, lambda run: level[run.system] + (run.seed - 2) / 20)
    judgement = judged(tmp_path, plan)
    assert judgement.claims[0].word == "CONTRADICTED"
    assert judgement.table.votes == {"REPRODUCED": 3}
    assert (judgement.table.word, judgement.table.reason) == ("COMPATIBLE", "claim contradicted")


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ("eat-augmentations", "NO VERDICT"),
        ("eat-inference-time", "NOT COMPARABLE"),
        ("eat-architecture", "NOT RUN"),
        ("gafx-unet-architecture", "NOT RUN"),
    ],
)
def test_tables_without_runs(tmp_path: Path, table: str, word: str) -> None:
    assert judged(tmp_path, planned(tmp_path, table)).table.word == word


def test_every_cell_of_every_table_has_one_known_word(tmp_path: Path) -> None:
    from repro.spec import catalogue

    draw = random.Random(11)
    for entry in catalogue.load_all():
        plan = planned(tmp_path, entry)
        fill(tmp_path / "runs", plan, near_the_print(plan, draw))
        judgement = judged(tmp_path, plan)
        assert len(judgement.cells) == len(plan.cells)
        for (row, column), got in judgement.cells.items():
            assert got.word in judge.WORDS, (entry.id, row, column)
            assert got.sentence.startswith(got.word)
            assert got.sentence.endswith(".")
        assert judgement.table.word in judge.WORDS
        assert sum(judgement.table.counts.values()) == len(plan.cells)


def near_the_print(plan: TablePlan, draw: random.Random) -> Callable[[Run], float]:
    level: dict[str, float] = {}
    for each in plan.cells:
        if each.printed and each.fields.metric == "test.accuracy" and not each.printed.signed:
            level |= {run.id: float(each.printed.value) for run in each.runs}
    return lambda run: level.get(run.id, 85.0) + draw.gauss(0, 0.4)


def test_classes_without_positives_are_named(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    for run in plan.runs:
        values = {"accuracy": 0.9, "auc": 0.99, "auc_left_out": [1] if run.seed else []}
        fake_ledger.write(tmp_path / "runs", run, {"test": values})
    cells = judged(tmp_path, plan).cells
    assert "without car_horn, which have no positives" in cells["t-auc", "ASM"].flags
    assert not any("positives" in flag for flag in cells["t-acc", "ASM"].flags)


@pytest.mark.parametrize("asked", [{"only": "asm-rh"}, {"seeds": (0, 1)}])
def test_runs_that_are_not_asked_for_count_as_missing(
    tmp_path: Path, asked: dict[str, object]
) -> None:
    asmrh(tmp_path, THREE_SYSTEMS, {})
    judgement = judged(tmp_path, planned(tmp_path, "asmrh-urbansound8k", **asked))
    assert (judgement.table.word, judgement.table.reason) == ("INCONCLUSIVE", "partial")
    own = judgement.cells["t-acc", "ASM-RH"]
    if "only" in asked:
        assert own.word == "REPRODUCED"
        assert judgement.cells["t-acc", "ASM"].word == "NOT RUN"
    else:
        assert (own.word, own.reason, own.n_done) == ("INCONCLUSIVE", "partial", 2)
