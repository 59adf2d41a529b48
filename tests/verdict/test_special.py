"""Cells that need no margin: divergence, counts, layers, times, p-values, text."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from repro.plan.planning import TablePlan
from repro.records.ledger import Ledger
from repro.spec import printed
from repro.stats.summary import Spread
from repro.verdict import judge, reduction, special
from repro.verdict.judge import CellVerdict
from repro.verdict.reduction import Reduced, Unit
from tests import fake_ledger
from tests.fake_ledger import cell, edited, fill, found, planned


def judged(folder: Path, plan: TablePlan) -> Mapping[tuple[str, str], CellVerdict]:
    measured = reduction.measurements(plan, Ledger([folder / "runs"]))
    return judge.judge(plan, found(folder, plan), measured).cells


# ---- text and quotes ---------------------------------------------------------------------------


def test_quoted_declared_and_empty_cells(tmp_path: Path) -> None:
    cells = judged(tmp_path, planned(tmp_path, "asmrh-urbansound8k-10fold"))
    quoted = cells["EAT-M", "avg"]
    assert quoted.word == "CITED"
    assert "Gazneli" in quoted.sentence
    assert "trained in eat-urbansound8k/EAT-M/accuracy" in quoted.sentence
    cells = judged(tmp_path, planned(tmp_path, "m3net-urbansound8k"))
    assert (cells["M3Net", "features"].word, cells["M3Net", "features"].reason) == (
        "NO VERDICT", "declared",
    )  # fmt: skip
    change = {'cells = ["81"]': 'cells = ["-"]'}
    cells = judged(tmp_path, planned(tmp_path, edited(tmp_path, "eat-phase", change)))
    dash = cells["baseline", "accuracy"]
    assert (dash.word, dash.reason) == ("NO VERDICT", "dash")


def test_a_printed_text_is_no_number(tmp_path: Path) -> None:
    change = {'cells = ["81"]': 'cells = ["about 81"]'}
    plan = planned(tmp_path, edited(tmp_path, "eat-phase", change))
    fill(tmp_path / "runs", plan, lambda run: 81.0)
    got = judged(tmp_path, plan)["baseline", "accuracy"]
    assert (got.word, got.reason) == ("NO VERDICT", "text")


# ---- "/" ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seeds", "diverged", "word", "reason"),
    [
        (5, 5, "REPRODUCED", ""),
        (3, 3, "REPRODUCED", ""),
        (2, 2, "INCONCLUSIVE", "wide"),
        (5, 1, "COMPATIBLE", ""),
        (5, 4, "COMPATIBLE", ""),
        (2, 1, "INCONCLUSIVE", "wide"),
        (5, 0, "DIFFERENT", ""),
        (4, 0, "INCONCLUSIVE", "wide"),
    ],
)
def test_divergence_where_the_paper_prints_a_slash(
    tmp_path: Path, seeds: int, diverged: int, word: str, reason: str
) -> None:
    change = {"seeds = [0, 1, 2, 3, 4]": f"seeds = {list(range(seeds))}"}
    plan = planned(tmp_path, edited(tmp_path, "gafx-extractors", change))
    for run in cell(plan, "GAFX-A", "accuracy").runs:
        if run.seed < diverged:
            fake_ledger.diverge(tmp_path / "runs", run)
        else:
            fake_ledger.write(tmp_path / "runs", run, {"test": {"accuracy": 0.5}})
    got = judged(tmp_path, plan)["GAFX-A", "accuracy"]
    assert (got.word, got.reason) == (word, reason)
    assert f"{diverged} of {seeds} of our runs diverged" in got.sentence


def slash(diverged: int, n: int) -> CellVerdict:
    return special.slash(reduction.Reduced((), None, None, n, n, diverged, (), n))


@pytest.mark.parametrize(
    ("diverged", "n", "bound"),
    [(0, 5, "45 %"), (0, 3, "63 %"), (1, 10, "39 %"), (1, 5, "66 %")],
)
def test_one_bound_on_the_rate_of_divergence(diverged: int, n: int, bound: str) -> None:
    """One-sided 95 % bounds .451, .632 and .394 of statistics.md 1.5."""
    assert f"at most {bound} diverge" in slash(diverged, n).sentence


@pytest.mark.parametrize(("diverged", "n", "word"), [(1, 8, "DIFFERENT"), (1, 7, "COMPATIBLE")])
def test_a_single_divergence_is_judged_as_none_is(diverged: int, n: int, word: str) -> None:
    """P(X <= 1) at one half is 9/256 = .035 of eight runs and 8/128 = .0625 of seven."""
    got = slash(diverged, n)
    assert got.word == word
    assert got.p_different == (pytest.approx(9 / 256) if word == "DIFFERENT" else None)


@given(st.integers(1, 30), st.integers(0, 30))
def test_more_divergence_is_never_judged_more_harshly(n: int, diverged: int) -> None:
    rank = {"DIFFERENT": 0, "INCONCLUSIVE": 1, "COMPATIBLE": 2, "REPRODUCED": 3}
    ranks = [rank[slash(c, n).word] for c in range(n + 1)]
    assert ranks == sorted(ranks)
    p = scipy_stats.binom.cdf(min(diverged, n), n, 0.5)
    assert (slash(min(diverged, n), n).word == "DIFFERENT") == (p < 0.05)


def test_a_slash_is_judged_only_when_all_runs_are_there(tmp_path: Path) -> None:
    plan = planned(tmp_path, "gafx-extractors")
    for run in cell(plan, "GAFX-A", "accuracy").runs[:4]:
        fake_ledger.diverge(tmp_path / "runs", run)
    got = judged(tmp_path, plan)["GAFX-A", "accuracy"]
    assert (got.word, got.reason) == ("INCONCLUSIVE", "partial")


# ---- parameters, layers, times -----------------------------------------------------------------


def number(text: str) -> printed.Printed:
    value = printed.parse(text)
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("count", "text", "fits"),
    [
        (5_258_463, "5.3", True),
        (5_183_618, "5.3", False),
        (5_250_000, "5.3", True),  # half up
        (5_250_000, "5.2", True),  # half to even; cut off
        (5_349_999, "5.3", True),
        (5_350_000, "5.3", True),  # cut off
        (5_400_000, "5.3", False),
        (25_451_951, "25.5", True),
        (29_400, "0.029", True),
        (28_400, "0.029", False),
    ],
)
def test_a_count_rounds_to_the_print(count: int, text: str, fits: bool) -> None:
    assert special.rounds_to(count, number(text), 10**6) == fits


@given(st.integers(0, 10**9))
def test_a_count_written_with_one_decimal_fits_its_own_text(count: int) -> None:
    exact = Fraction(count, 10**6)
    text = f"{float(round(exact, 1)):.1f}"
    assert special.rounds_to(count, number(text), 10**6)


def measure(folder: Path, plan: TablePlan, row: str, column: str, **measured: Any) -> None:
    """Write the record that `repro models measure` would write for a cell's system."""
    fields = cell(plan, row, column).fields
    network = reduction.network(plan.entry, str(fields.system), str(fields.dataset))
    device = measured.pop("device", "this machine")
    fake_ledger.measure(folder / "runs", network, device, measured)


def test_parameter_counts(tmp_path: Path) -> None:
    """EAT-S has 5.2 million with 50 classes; the printed 5.3 is the 527-class network."""
    plan = planned(tmp_path, "eat-esc50")
    counts = {"527-class head": 5_258_463}
    measure(tmp_path, plan, "EAT-S", "parameters", parameters=5_183_618, counts=counts)
    got = judged(tmp_path, plan)["EAT-S", "parameters"]
    assert got.word == "COMPATIBLE"
    assert got.note == "527-class head: 5,258,463 do"
    # The same network, whatever its weights start from, is measured once.
    assert judged(tmp_path, plan)["EAT-S-AudioSet", "parameters"].word == "COMPATIBLE"
    assert judged(tmp_path, plan)["EAT-M", "parameters"].word == "NOT RUN"


def test_parameter_counts_that_fit_or_do_not(tmp_path: Path) -> None:
    plan = planned(tmp_path, "eat-audioset")
    measure(tmp_path, plan, "EAT-S", "parameters", parameters=5_258_463)
    measure(tmp_path, plan, "EAT-M", "parameters", parameters=12_750_000)
    cells = judged(tmp_path, plan)
    assert cells["EAT-S", "parameters"].word == "REPRODUCED"
    assert cells["EAT-M", "parameters"].word == "DIFFERENT"
    assert "0.50 times the printed 25.5" in cells["EAT-M", "parameters"].sentence
    assert cells["EAT-M", "parameters"].p_different == 0.0


def test_layers(tmp_path: Path) -> None:
    plan = planned(tmp_path, "gafx-unet-architecture")
    layers = {
        "tencoder.1.in": 2, "zencoder.1.in": 2, "tencoder.1.out": 48, "zencoder.1.out": 47,
        "tdecoder.1.out": 16, "zdecoder.1.out": 16,
    }  # fmt: skip
    layers = {f"layers.{path}": value for path, value in layers.items()}
    measure(tmp_path, plan, "1", "encoder-in", layers=layers)
    cells = judged(tmp_path, plan)
    assert cells["1", "encoder-in"].word == "REPRODUCED"
    assert cells["1", "encoder-out"].word == "DIFFERENT"
    assert cells["1", "encoder-out"].p_different == 0.0  # no noise: it counts in the family as sure
    assert "48, 47" in cells["1", "encoder-out"].sentence  # temporal first, as the cell names them
    assert cells["1", "decoder-out"].word == "REPRODUCED"  # printed "4*2*2"


def test_strides_are_compared_as_values(tmp_path: Path) -> None:
    plan = planned(tmp_path, "gafx-resnet-architecture")
    layers = {"layers.conv1.stride": [1, 2], "layers.conv1.channels": 64, "layers.1.stride": [2, 1]}
    measure(tmp_path, plan, "Conv1", "strides", layers=layers)
    cells = judged(tmp_path, plan)
    assert cells["Conv1", "strides"].word == "REPRODUCED"
    assert cells["Conv1", "channels"].word == "REPRODUCED"
    assert cells["1", "strides"].word == "DIFFERENT"


def test_a_time_is_compared_on_its_own_device_only(tmp_path: Path) -> None:
    plan = planned(tmp_path, "eat-inference-time")
    before = judged(tmp_path, plan)["5", "gpu-time"]
    assert (before.word, before.reason) == ("NOT COMPARABLE", "device")
    measure(tmp_path, plan, "5", "gpu-time", device="V-100", latency={"5s": [5.4, 5.5, 5.6]})
    cells = judged(tmp_path, plan)
    assert cells["5", "gpu-time"].word == "REPRODUCED"
    assert cells["5", "cpu-time"].word == "NOT COMPARABLE"


@pytest.mark.parametrize(
    ("medians", "word"),
    [
        ([5.5, 5.6, 5.4], "REPRODUCED"),
        ([11.0, 11.1, 11.2], "DIFFERENT"),
        ([6.0, 7.0, 8.0], "INCONCLUSIVE"),
        ([5.5, 5.5], "INCONCLUSIVE"),
    ],
)
def test_times_by_the_ratio_of_medians(tmp_path: Path, medians: list[float], word: str) -> None:
    plan = planned(tmp_path, "eat-inference-time")
    measure(tmp_path, plan, "5", "gpu-time", device="V-100", latency={"5s": medians})
    assert judged(tmp_path, plan)["5", "gpu-time"].word == word


def test_a_layer_that_prints_one_number_or_a_product() -> None:
    """Brackets and blanks may differ; factors are multiplied only where all are numbers."""
    assert special._as_printed("(1, 2)") == special._as_printed([1, 2]) == "1,2"
    assert special._as_printed("4*2*2") == special._as_printed(16) == "16"
    assert special._as_printed("3*n") == "3*n"


# ---- notes beside a mean -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passes", "fixed", "text"),
    [
        # s = 2, c3 = .84628 and c4(3) = .88623: 72 + .84628 * 2 / .88623.
        ([(70, 72, 74)], True, "the best of 3 folds is expected at 73.91 by chance alone"),
        # Fold means 71 and 73, s_w the root of 2: E max = 71 P(-1) + 73 P(1) + 2 p(1), p normal.
        ([(70, 72), (72, 74)], True, "the best of 2 folds is expected at 73.17 by chance alone"),
        # Folds drawn anew: each pass for itself, 71 and 73 and one more (c2 s / c4 = 1).
        ([(70, 72), (72, 74)], False, "the best of 2 folds is expected at 73.00 by chance alone"),
    ],
)
def test_the_best_of_folds_beside_its_expectation(
    passes: list[tuple[float, ...]], fixed: bool, text: str
) -> None:
    units = tuple(Unit(seed, folds, max(folds), ()) for seed, folds in enumerate(passes))
    best = cast(Reduced, SimpleNamespace(units=units))
    assert special.best_note(best, fixed) == text


@pytest.mark.parametrize(
    ("x", "where"),
    [("0.50", "outside"), ("0.53", "inside"), ("6.28", "inside"), ("6.30", "outside")],
)
def test_a_printed_spread_beside_ours(x: str, where: str) -> None:
    """Three runs with s = 1: chi-squared gives .521 to 6.285 (statistics.md 1.5)."""
    note = special.spread_note(number(f"95.0 ± {x}"), Spread(1.0, 2))
    assert note == f"the printed ±{x} is {where} the 95 % interval [0.52, 6.28] of our SD"
