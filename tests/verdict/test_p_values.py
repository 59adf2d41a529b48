"""Printed p-values by their side of .05, against signed ranks worked by hand."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from repro.plan.planning import TablePlan
from repro.records.ledger import Ledger
from repro.render import grid, markdown, records
from repro.spec import printed
from repro.spec.printed import Printed
from repro.stats.ranks import signed_rank
from repro.verdict import judge, reduction
from repro.verdict.declared import p_values
from repro.verdict.judgement import CellVerdict, Pairs
from tests.fake_ledger import edited, fill, found, planned

TABLE = "m3net-urbansound8k"
AT = ("PhiNets M40", "p")


def judged(folder: Path, plan: TablePlan) -> Mapping[tuple[str, str], CellVerdict]:
    measured = reduction.measurements(plan, Ledger([folder / "runs"]))
    return judge.judge(plan, found(folder, plan), measured).cells


def number(text: str) -> Printed:
    parsed = printed.parse(text)
    assert parsed is not None
    return parsed


def test_a_p_value_against_a_quoted_rival_has_no_pairs(tmp_path: Path) -> None:
    got = judged(tmp_path, planned(tmp_path, "m3net-speechcommands"))["SeqBoat", "p"]
    assert (got.word, got.reason) == ("NOT COMPARABLE", "quoted")


def rival_trained(folder: Path, p: str) -> TablePlan:
    """Plan M3Net's table with ULSED as a system of ours on the ten official folds, 2 passes."""
    old = 'label = "ULSED"\nkind = "cited"\nsource = "Peng et al. 2022, ULSED: An ultra-lightweight SED model for IoT devices"\ncells = ["Log-Mel", "83.5", "0.34", "< 5.0e-2", "✓", ""]'  # noqa: E501
    new = (
        'label = "ULSED"\nsystem = "m3net-1s"\nrecipe = "scratch"\nseeds = [0, 1]\n'
        f'cells = ["Log-Mel", "83.5", "0.34", "{p}", "✓", ""]'
    )
    changes = {
        old: new,
        "seeds = [0, 1, 2, 3, 4]": "seeds = [0, 1]",
        'protocol = "random"': 'protocol = "official"',
        'unit = "run"': 'unit = "pass"',
    }
    return planned(folder, edited(folder, "m3net-urbansound8k", changes))


@pytest.mark.parametrize(
    ("p", "gap", "word"),
    [
        ("< 5.0e-2", -5, "CONFIRMED"),  # the rival is printed lower, and is
        ("< 5.0e-2", 5, "CONTRADICTED"),
        ("< 5.0e-2", 0, "UNDECIDED"),
        ("2.2e-1", 0, "CONFIRMED"),
        ("2.2e-1", -5, "CONTRADICTED"),
    ],
)
def test_a_p_value_by_its_side_of_five_per_cent(
    tmp_path: Path, p: str, gap: float, word: str
) -> None:
    plan = rival_trained(tmp_path, p)
    wobble = [-4, 3, -2, 1, -1, 2, -3, 4, 0, 0]
    fill(
        tmp_path / "runs",
        plan,
        lambda run: 90.0 if run.system == "m3net" else 90 + gap + wobble[run.clips.fold] / 10,
    )
    got = judged(tmp_path, plan)["ULSED", "p"]
    assert got.word == word
    assert (got.n_done, got.n_needed) == (40, 40)
    assert "compared by its side of .05 only" in got.sentence


def test_a_p_value_needs_all_runs_and_pairs_that_can_reach_it(tmp_path: Path) -> None:
    plan = rival_trained(tmp_path, "< 5.0e-2")
    assert judged(tmp_path, plan)["ULSED", "p"].word == "NOT RUN"
    fill(tmp_path / "runs", plan, lambda run: 90.0 if run.system == "m3net" else None)
    assert judged(tmp_path, plan)["ULSED", "p"].word == "UNDECIDED"


def pairs(points: list[int], family: int = 1) -> Pairs:
    """Return the signed ranks of some differences among `family` comparisons, the others open."""
    test = signed_rank(points)
    return Pairs(
        "folds", test.n, test.zeros, test.ties, test.method, test.p, test.smallest_p,
        min(1.0, family * test.p), family, p_values.enough(family), test.rank_biserial,
    )  # fmt: skip


def test_the_side_is_told_only_where_so_many_pairs_can_reach_it() -> None:
    five, six = pairs([1, 2, 3, 4, 5]), pairs([1, 2, 3, 4, 5, 6])  # at best 1/16 and 1/32
    assert p_values.p_side(number("< 5.0e-2"), five, 1) == "UNDECIDED"
    assert p_values.p_side(number("2.2e-1"), five, 1) == "UNDECIDED"
    assert p_values.p_side(number("< 5.0e-2"), six, 1) == "CONFIRMED"
    assert p_values.p_side(number("5.0e-2"), six, 1) == "CONTRADICTED"  # not below .05
    assert p_values.p_side(number("< 5.0e-2"), six, -1) == "CONTRADICTED"  # the other way round
    assert p_values.p_side(number("< 5.0e-2"), six, 0) == "CONTRADICTED"  # printed alike
    # Of five comparisons six pairs cannot: 5/32. Ten can, but not with W- = 5: .0195 x 5 = .098.
    assert p_values.p_side(number("< 5.0e-2"), pairs([1, 2, 3, 4, 5, 6], 5), 1) == "UNDECIDED"
    ten = pairs([1, 2, 3, 4, -5, 6, 7, 8, 9, 10], 5)
    assert (ten.p, ten.adjusted) == (20 / 1024, 100 / 1024)
    assert p_values.p_side(number("< 5.0e-2"), ten, 1) == "UNDECIDED"
    assert p_values.p_side(number("2.2e-1"), ten, 1) == "UNDECIDED"  # neither side, after Holm
    level = pairs([1, -2, 3, -4, 5, -6, 7, -8, 9, -10], 5)
    assert p_values.p_side(number("2.2e-1"), level, 1) == "CONFIRMED"


@pytest.mark.parametrize(("comparisons", "n"), [(1, 6), (2, 7), (5, 8), (10, 9)])
def test_how_many_pairs_reach_five_per_cent(comparisons: int, n: int) -> None:
    """Exact, two-sided: 2 / 2^n times the comparisons, e.g. 5 * 2 / 2^8 = .039, with 7 .078."""
    assert p_values.enough(comparisons) == n


@pytest.mark.parametrize(
    ("row", "rival", "sign"),
    [("97.44", "83.5", 1), ("83.5", "97.44", -1), ("90", "90.0", 0), ("90", "/", 0)],
)
def test_which_side_the_print_favours(row: str, rival: str, sign: int) -> None:
    assert p_values.favours(printed.parse(row), printed.parse(rival)) == sign


# ---- a rival that is trained here --------------------------------------------------------------


def made(folder: Path, below: Mapping[int, float], **request: object) -> grid.Grid:
    """Fill M3Net's table with PhiNets so many points below M3Net by fold, or by seed."""
    plan = planned(folder, TABLE, rivals=True, **request)

    def value(run):  # type: ignore[no-untyped-def]
        place = run.clips.fold if run.clips.folds > 1 else run.seed
        return 90 - (below[place] if run.system == "phinets-m40" else 0)

    fill(folder / "runs", plan, value)
    return grid.build(plan, Ledger([folder / "runs"]), "repro table", folder)


def test_ten_folds_give_a_p_value_and_a_side(tmp_path: Path) -> None:
    """All ten below, one of them by nothing: n = 9, p = 2/2^9, by Holm over five 10/2^9."""
    below = {0: 0.0, **{fold: 1.0 + fold / 10 for fold in range(1, 10)}}
    filled = made(tmp_path, below, assume={"split": "official"})
    cell = filled.cells[AT]
    tested = cell.judged.pairs
    assert tested is not None
    assert (tested.n, tested.zeros, tested.method) == (9, 1, "exact")
    assert tested.unit == "folds, each the mean of 5 seeds"
    assert tested.p == tested.least == 2 / 2**9
    assert (tested.adjusted, tested.family, tested.enough) == (10 / 2**9, 5, 8)
    assert (cell.printed, cell.verdict, cell.text) == ("< 5.0e-2", "CONFIRMED", "p = 0.0039, n = 9")
    for text in ("on 10 folds, each the mean of 5 seeds, 1 of them without a difference",
                 "exact p = 0.0039", "at least 0.0039",
                 "by Holm over the 5 of the column p = 0.0195"):  # fmt: skip
        assert text in cell.judged.sentence
        assert text in markdown.render(filled, "both")  # a note under the table, in every format
    (order,) = (note for note in filled.notes if note.startswith("phinets-m40 against m3net"))
    assert order.endswith("m3net is better; printed 76.3 against 97.44: the same order.")
    quoted = filled.cells["PhiNets M40", "accuracy"]
    assert (quoted.printed, quoted.verdict, quoted.ours) == ("76.3", "CITED", None)
    assert "no verdict on the quoted number" in quoted.judged.sentence
    ours = filled.cells["phinets-m40", "accuracy"]
    assert (ours.printed, ours.verdict, ours.n_done) == ("", "NO VERDICT", 50)
    assert filled.cells["ULSED", "p"].verdict == "NOT COMPARABLE"
    (written,) = (c for c in records.as_data(filled, "both", "full")["cells"]
                  if (c["row"], c["column"]) == AT)  # fmt: skip
    assert written["evidence"]["pairs"]["adjusted"] == 10 / 2**9


def test_five_split_seeds_are_too_few_and_it_says_how_many_are_not(tmp_path: Path) -> None:
    cell = made(tmp_path, {seed: 1.0 + seed for seed in range(5)}).cells[AT]
    assert cell.judged.pairs is not None
    assert (cell.judged.pairs.p, cell.judged.pairs.unit) == (2 / 2**5, "splits, one of each seed")
    assert cell.verdict == "UNDECIDED"
    assert "below .05 takes 8 pairs or more" in cell.judged.sentence


def test_a_demo_shows_its_p_and_gives_no_verdict(tmp_path: Path) -> None:
    demo = {"profile": "demo", "audio": "generated"}
    cell = made(tmp_path, {seed: 1.0 + seed for seed in range(5)}, **demo).cells[AT]
    assert (cell.verdict, cell.verdict_reason, cell.text) == (
        "NO VERDICT",
        "demo",
        "p = 0.0625, n = 5",
    )


def test_a_rival_of_which_runs_are_missing_is_not_run(tmp_path: Path) -> None:
    plan = planned(tmp_path, TABLE, rivals=True)
    got = judged(tmp_path, plan)[AT]
    assert (got.word, got.n_done, got.n_needed) == ("NOT RUN", 0, 10)
    # What so few pairs can give at best is said before anything is trained.
    assert got.note == (
        "from 5 pairs p is at least 0.0625, by Holm over the 5 of the column no p below .05: "
        "that takes 8 pairs or more"
    )
    folds = judged(tmp_path, planned(tmp_path, TABLE, rivals=True, assume={"split": "official"}))
    assert folds[AT].note == "from 10 pairs p is at least 0.0020"
    without = judged(tmp_path, planned(tmp_path, TABLE))[AT]
    assert (without.word, without.reason, without.n_needed) == ("NOT COMPARABLE", "quoted", 0)


def test_a_claim_against_a_quoted_system_is_decided_by_its_rival(tmp_path: Path) -> None:
    """Five points on every fold: by pairs of ours, not against the quoted 76.3."""
    claim = (
        '[[claim]]\nbetter = "M3Net"\nworse = "PhiNets M40"\nmetric = "test.accuracy"\n'
        'sentence = "better"\ntest = "one-sample-t"\n\n# ---- for `repro audit`'
    )
    entry = edited(tmp_path, TABLE, {"# ---- for `repro audit`": claim})
    seen = {}
    for rivals in (False, True):
        plan = planned(tmp_path, entry, rivals=rivals)
        fill(
            tmp_path / "runs", plan,
            lambda run: 70 + run.seed % 2 + (0 if run.system == "m3net" else -5),
        )  # fmt: skip
        (seen[rivals],) = judge.judge(plan, found(tmp_path, plan)).claims
    alone, beside = seen[False], seen[True]
    assert (alone.word, alone.test, alone.note) == (
        "CONTRADICTED", "one-sample t", "their noise unknown",
    )  # fmt: skip
    assert (beside.word, beside.effect, beside.n) == ("CONFIRMED", pytest.approx(5.0), (5,))
    assert beside.note == "a rival trained here, in place of its quoted number"
    assert beside.ranks == 2 / 2**5
