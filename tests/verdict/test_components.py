"""What split, training again and test clips are worth, from fabricated and committed records."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from repro.places import shipped
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.verdict import components
from repro.verdict.components import Components
from tests import fake_ledger
from tests.fake_ledger import FIRST, fill, planned


def of(folder: Path, table: str, **request: object) -> tuple[Components, ...]:
    ledger = Ledger([folder / "runs"])
    home = fake_ledger.home(folder)
    return components.components(catalogue.load(table), Request(**request), home, ledger).cells


def test_fixed_folds_tell_the_split_from_training_again(tmp_path: Path) -> None:
    """One-way analysis of variance by hand, on folds three points apart."""
    noise = np.random.default_rng(1).normal(0, 1, (3, 5))
    values = 80 + 3 * np.arange(5) + noise  # passes, folds
    fill(tmp_path / "runs", planned(tmp_path, "eat-phase"),
         lambda run: float(values[run.seed, run.clips.fold]))  # fmt: skip
    got = of(tmp_path, "eat-phase")[0]
    within = values.var(axis=0, ddof=1).mean()
    between = 3 * values.mean(axis=0).var(ddof=1)
    assert got.initialisation is not None
    assert (got.initialisation.sd, got.initialisation.df) == (pytest.approx(within**0.5), 10)
    assert got.split == pytest.approx(((between - within) / 3) ** 0.5)
    assert got.p == pytest.approx(scipy_stats.f_oneway(*values.T).pvalue)
    assert (got.together, got.clips, got.state) == (None, None, "15 of 15 runs")


def test_one_pass_leaves_folds_and_training_together(tmp_path: Path) -> None:
    """Folds of 80, 83, 86, 89 and 92: sd = 3 times the root of 2.5; one fold has no spread."""
    plan = planned(tmp_path, "eat-phase")
    fill(tmp_path / "runs", plan,
         lambda run: 80.0 + 3 * run.clips.fold if run.seed == 0 else None)  # fmt: skip
    got = of(tmp_path, "eat-phase")[0]
    assert got.together is not None
    assert (got.together.sd, got.together.df) == (pytest.approx(3 * 2.5**0.5), 4)
    assert (got.initialisation, got.split, got.mean) == (None, None, pytest.approx(86.0))


def test_one_run_has_a_mean_and_no_spread(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-speechcommands")
    fill(tmp_path / "runs", plan, lambda run: 95.2 if run.seed == 0 else None)
    got = of(tmp_path, "asmrh-speechcommands")[0]
    assert got.mean == pytest.approx(95.2)
    assert (got.initialisation, got.together) == (None, None)


def test_a_split_for_each_seed_leaves_one_number(tmp_path: Path) -> None:
    values = [95.2, 95.9, 96.1]
    fill(tmp_path / "runs", planned(tmp_path, "asmrh-urbansound8k"),
         lambda run: values[run.seed] if run.system == "asm-rh" else None)  # fmt: skip
    by = {(one.label, one.choice): one for one in of(tmp_path, "asmrh-urbansound8k")}
    got = by["ASM-RH", "random"]
    assert got.together is not None
    assert (got.together.sd, got.together.df) == (pytest.approx(np.std(values, ddof=1)), 2)
    assert (got.initialisation, got.split) == (None, None)
    assert by["ASM-RH", "official"].mean is None  # no run under it


def test_one_split_is_training_again_alone(tmp_path: Path) -> None:
    values = [95.2, 95.9, 96.1]
    fill(tmp_path / "runs", planned(tmp_path, "asmrh-speechcommands"),
         lambda run: values[run.seed])  # fmt: skip
    got = of(tmp_path, "asmrh-speechcommands")[0]
    assert got.initialisation is not None
    assert got.initialisation.sd == pytest.approx(np.std(values, ddof=1))
    assert (got.together, got.split, got.choice) == (None, None, "official")


def test_committed_runs_on_esc10(tmp_path: Path) -> None:
    """Groups of test clips by hand: whole recordings, over the runs."""
    ledger = Ledger([shipped("results")])
    entry = catalogue.load("m3net-urbansound8k")
    home = fake_ledger.home(tmp_path)
    got = components.components(entry, Request(on="esc10", assume=FIRST), home, ledger).cells
    assert [one.choice for one in got] == ["official", "random", "grouped"]
    official = got[0]
    assert official.initialisation is not None
    assert official.initialisation.sd / 5**0.5 == pytest.approx(1.91, abs=0.005)
    assert official.clips is not None
    share = official.mean
    assert share is not None
    binomial = 100 * (share / 100 * (1 - share / 100) / 80) ** 0.5
    assert official.clips.clips == 80
    assert official.clips.groups < 80
    assert binomial < official.clips.sd < 1.5 * binomial
