from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.plan.planning import TablePlan
from repro.spec import catalogue
from repro.verdict import margins, roles
from tests import fake_ledger
from tests.fake_ledger import cell, planned


@pytest.mark.parametrize(
    ("metric", "printed", "unit", "expected"),
    [
        ("test.accuracy", 95.80, 0.01, 1.0),
        ("test.accuracy", 98.63, 0.01, 0.3425),
        ("test.accuracy", 75.4, 0.1, 1.0),
        ("test.auc", 99.83, 0.01, 0.0425),
        ("test.accuracy", 99.9, 0.1, 0.1),  # a quarter of the error is below one printed unit
        ("test.accuracy", 90, 1, 1.0),
        ("test.map", 40.5, 0.1, 0.5),
    ],
)
def test_default(metric: str, printed: float, unit: float, expected: float) -> None:
    margin = margins.default(metric, printed, unit)
    assert margin.value == pytest.approx(expected)
    quarter = (100 - printed) / 4
    assert margin.why.endswith("last printed digit") == (metric != "test.map" and quarter < unit)


@given(st.integers(0, 10_000))
def test_the_default_never_exceeds_a_point_nor_a_quarter_of_the_error(hundredths: int) -> None:
    printed = hundredths / 100
    margin = margins.default("test.accuracy", printed, 0.01).value
    assert 0.01 <= margin <= 1.0
    assert margin <= max((100 - printed) / 4, 0.01)


@pytest.mark.parametrize(
    ("printed", "expected"), [(3.5, 1.0), (0.5, 0.25), (-0.8, 0.4), (1.8, 0.9), (0.0, 0.1)]
)
def test_the_margin_of_an_increment_keeps_its_sign(printed: float, expected: float) -> None:
    margin = margins.increment(printed, 0.1).value
    assert margin == pytest.approx(expected)
    assert printed == 0 or margin < abs(printed)


@pytest.mark.parametrize(
    ("table", "row", "column", "value", "why"),
    [
        ("asmrh-urbansound8k", "t-acc", "ASM-RH", 1.0,
         "a quarter of the printed error ((100 - 95.8) / 4), at most 1 point"),
        ("asmrh-urbansound8k", "t-auc", "ASM-RH", 0.0425,
         "a quarter of the printed error ((100 - 99.83) / 4), at most 1 point"),
        ("gafx-baseline", "AST-Ti", "accuracy", 1.75, "set in the table file"),
        ("eat-audioset", "EAT-S", "map", 0.5, "half a point of mean average precision"),
        ("eat-ablation-mixing", "cutmix", "relative", 0.25,
         "half of the printed increment (0.5 / 2), at most 1 point"),
    ],
)  # fmt: skip
def test_a_margin_says_where_it_comes_from(
    table: str, row: str, column: str, value: float, why: str, tmp_path: Path
) -> None:
    plan = planned(tmp_path, table)
    margin = margins.of(plan, cell(plan, row, column))
    assert (margin.value, margin.why) == (pytest.approx(value), why)


def test_one_printed_value_has_one_margin_in_two_tables(tmp_path: Path) -> None:
    two = planned(tmp_path, "asmrh-urbansound8k")
    six = planned(tmp_path, "asmrh-ablation")
    in_two = margins.of(two, cell(two, "t-acc", "ASM-RH"))
    in_six = margins.of(six, cell(six, "t-acc", "ASM-RH"))
    assert in_two.value == in_six.value == 1.0
    # VI concludes from 0.61 points, II from 4.04 and more.
    assert in_six.marks == (margins.TOO_WIDE,)
    assert in_two.marks == ()
    assert margins.smallest_claimed(six, "test.accuracy") == pytest.approx(0.61)
    assert margins.of(six, cell(six, "v-acc", "ASM-RH")).marks == ()  # no claim on validation


def test_the_table_file_overrides_the_margin_of_its_primary_metric(tmp_path: Path) -> None:
    plan = planned(tmp_path, "gafx-baseline")
    margin = margins.of(plan, cell(plan, "AST-Ti", "accuracy"))
    assert margin.value == 1.75
    assert margin.marks == ("margin ±1.75 set in the table file",)


def test_an_override_stays_with_the_primary_metric(tmp_path: Path) -> None:
    change = {'primary = ["t-acc"]': 'primary = ["t-acc"]\nmargin = 2.0'}
    plan = planned(tmp_path, fake_ledger.edited(tmp_path, "asmrh-ablation", change))
    assert margins.of(plan, cell(plan, "t-acc", "ASM-H")).value == 2.0
    assert margins.of(plan, cell(plan, "v-acc", "ASM-H")).value == 1.0
    assert margins.of(plan, cell(plan, "t-auc", "ASM-H")).value == pytest.approx(0.0625)


def test_a_claim_may_name_a_system(tmp_path: Path) -> None:
    change = {'better = "phase-magnitude"': 'better = "eat-s"'}
    plan = planned(tmp_path, fake_ledger.edited(tmp_path, "eat-phase", change))
    assert margins.smallest_claimed(plan, "test.accuracy") == pytest.approx(2.5)  # 81 and 78.5


def test_of_increments_the_smallest_is_itself_what_is_claimed(tmp_path: Path) -> None:
    """Printed are +3.5, +0.5, +3.1 and +0.9, over rows of which one prints 83."""
    plan = planned(tmp_path, "eat-ablation-mixing")
    assert margins.smallest_claimed(plan, "test.accuracy") == pytest.approx(0.5)
    assert margins.smallest_claimed(plan, "test.auc") is None


def test_a_side_that_prints_nothing_claims_no_difference(tmp_path: Path) -> None:
    """75.4 against a blank and 74.1: 1.3; the blank comes second of three claims."""
    change = {'cells = ["74.8", "-"]': 'cells = ["-", "-"]'}
    plan = planned(tmp_path, fake_ledger.edited(tmp_path, "asmrh-ravdess", change))
    assert margins.smallest_claimed(plan, "test.accuracy") == pytest.approx(1.3)


@pytest.mark.parametrize(("margin", "wide"), [(0.305, False), (0.31, True)])
def test_half_of_a_claimed_difference_is_not_too_wide(
    margin: float, wide: bool, tmp_path: Path
) -> None:
    """Table VI concludes from .61 points."""
    change = {'primary = ["t-acc"]': f'primary = ["t-acc"]\nmargin = {margin}'}
    plan = planned(tmp_path, fake_ledger.edited(tmp_path, "asmrh-ablation", change))
    marks = margins.of(plan, cell(plan, "t-acc", "ASM-H")).marks
    assert (margins.TOO_WIDE in marks) == wide
    assert marks[0] == f"margin ±{margin:g} set in the table file"


# ---- what the shipped tables declare -----------------------------------------------------------


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> list[TablePlan]:
    home = tmp_path_factory.mktemp("home")
    return [planned(home, entry) for entry in catalogue.load_all()]


def test_one_margin_for_each_dataset_and_metric(plans: list[TablePlan]) -> None:
    declared = defaultdict(set)
    for plan in plans:
        for each in roles.primary(plan):
            if each.runs and each.fields.derive is None:
                key = (each.fields.dataset, each.fields.metric)
                declared[key].add(plan.entry.table.statistics.margin)
    assert {key: found for key, found in declared.items() if len(found) > 1} == {}


def test_no_override_exceeds_what_it_may(plans: list[TablePlan]) -> None:
    """At most half the smallest difference the paper concludes from, nor one binomial s.e."""
    overrides = [plan for plan in plans if plan.entry.table.statistics.margin is not None]
    assert {plan.entry.table.dataset for plan in overrides} == {"gtzan"}  # 200 tracks are tested
    for plan in overrides:
        for each in roles.primary(plan):
            if each.printed is not None:
                share = float(each.printed.value) / 100
                margin = margins.of(plan, each)
                assert margins.TOO_WIDE not in margin.marks
                assert margin.value <= 100 * (share * (1 - share) / 200) ** 0.5
