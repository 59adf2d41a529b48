"""What a protocol or a reading is worth, from fabricated records."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from repro.errors import UserError
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.verdict import ladder
from repro.verdict.ladder import Ladder
from tests import fake_ledger
from tests.fake_ledger import fill, planned

TABLE = "asmrh-urbansound8k"
RANDOM = {"asm": [89.1, 90.0, 89.4], "asm-i": [91.1, 92.0, 91.9], "asm-rh": [95.2, 95.9, 96.1]}
OFFICIAL = {"asm": [79.0, 79.5, 79.1], "asm-i": [81.1, 81.0, 81.9], "asm-rh": [84.2, 84.9, 84.4]}


def climb(folder: Path, axis: str, table: str = TABLE, **request: object) -> Ladder:
    ledger = Ledger([folder / "runs"])
    home = fake_ledger.home(folder)
    return ladder.ladder(catalogue.load(table), Request(**request), home, ledger, axis)


def fill_both(folder: Path, official: dict[str, list[float]]) -> None:
    fill(folder / "runs", planned(folder, TABLE), lambda run: RANDOM[run.system][run.seed])
    other = planned(folder, TABLE, assume={"split-urbansound8k": "official"})
    # Folds of a pass differ by ten points; their average is the pass.
    fill(
        folder / "runs",
        other,
        lambda run: (
            official[run.system][run.seed] + run.clips.fold - 4.5
            if run.system in official
            else None
        ),
    )


def test_the_protocol_is_an_effect_with_welchs_interval(tmp_path: Path) -> None:
    fill_both(tmp_path, OFFICIAL)
    got = climb(tmp_path, "protocol")
    assert (got.axis, got.choices) == ("split-urbansound8k", ("random", "official"))
    assert [rung.label for rung in got.rungs] == [
        "ASM",
        "ASM-I",
        "ASM-RH",
        "mean over 3 of 3 systems",
    ]
    for rung, system in zip(got.rungs, RANDOM, strict=False):
        (effect,) = rung.effects
        oracle = scipy_stats.ttest_ind(RANDOM[system], OFFICIAL[system], equal_var=False)
        low, high = oracle.confidence_interval()
        assert effect.of == "random - official"
        assert effect.difference == pytest.approx(
            np.mean(RANDOM[system]) - np.mean(OFFICIAL[system])
        )
        assert effect.interval == pytest.approx((low, high))
        assert effect.p == pytest.approx(oracle.pvalue)
        assert rung.steps[1].spread == pytest.approx(np.std(OFFICIAL[system], ddof=1))


def test_the_mean_over_systems_has_the_seed_as_its_unit(tmp_path: Path) -> None:
    fill_both(tmp_path, OFFICIAL)
    mean = climb(tmp_path, "protocol").rungs[-1]
    a, b = (np.mean(list(values.values()), axis=0) for values in (RANDOM, OFFICIAL))
    oracle = scipy_stats.ttest_ind(a, b, equal_var=False)
    (effect,) = mean.effects
    assert effect.difference == pytest.approx(a.mean() - b.mean())
    assert effect.interval == pytest.approx(tuple(oracle.confidence_interval()))


def test_systems_without_a_choice_are_left_out_of_the_mean(tmp_path: Path) -> None:
    two = {name: OFFICIAL[name] for name in ("asm", "asm-rh")}
    fill_both(tmp_path, two)
    got = climb(tmp_path, "protocol")
    blocked = got.rungs[1]
    assert blocked.label == "ASM-I"
    assert blocked.effects == ()
    assert blocked.steps[1].state == "0 of 30 runs"
    mean = got.rungs[-1]
    assert mean.label == "mean over 2 of 3 systems"
    assert mean.steps[0].mean == pytest.approx(np.mean([RANDOM[name] for name in two]))


def test_one_unit_on_a_side_gives_no_interval(tmp_path: Path) -> None:
    fill_both(tmp_path, {"asm": [79.0, 79.5, 79.1]})
    other = planned(tmp_path, TABLE, assume={"split-urbansound8k": "official"})
    for run in other.runs:
        if run.seed:
            for path in (tmp_path / "runs" / run.id).glob("*/run.json"):
                path.unlink()
    rung = climb(tmp_path, "protocol").rungs[0]
    assert rung.steps[1].state == "10 of 30 runs"
    assert rung.effects[0].difference == pytest.approx(89.5 - 79.0)
    assert rung.effects[0].interval is None


def test_an_assumption_is_an_axis_too(tmp_path: Path) -> None:
    fill(tmp_path / "runs", planned(tmp_path, TABLE), lambda run: RANDOM[run.system][run.seed])
    for value, shift in (("48", -1.0), ("0", 2.0)):
        other = planned(tmp_path, TABLE, assume={"time-mask-25-epochs": value})
        fill(tmp_path / "runs", other, lambda run, by=shift: RANDOM[run.system][run.seed] + by)
    got = climb(tmp_path, "time-mask-25-epochs")
    assert got.choices == ("96", "48", "0")
    for rung in got.rungs:
        assert [effect.of for effect in rung.effects] == ["96 - 48", "96 - 0"]
        assert [effect.difference for effect in rung.effects] == pytest.approx([1.0, -2.0])


def test_only_cells_that_depend_on_the_choice_are_rungs(tmp_path: Path) -> None:
    got = climb(tmp_path, "hfft-axis")  # ASM has no Hermit FFT
    assert [rung.label for rung in got.rungs] == ["ASM-RH"]
    assert got.rungs[0].effects == ()


def test_axes_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has one protocol only, official"):
        climb(tmp_path, "protocol", table="asmrh-speechcommands")
    with pytest.raises(UserError, match="did you mean 'hfft-axis'"):
        climb(tmp_path, "hft-axis")
    with pytest.raises(UserError, match="unknown axis"):
        climb(tmp_path, "splits-behind")  # a reading of the print: no runs of its own
