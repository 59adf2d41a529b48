"""Claims from fabricated records, against scipy and the worked p-values of statistics.md."""

import random
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from repro.plan.planning import TablePlan
from repro.plan.request import Run
from repro.stats import significance
from repro.verdict import claims
from repro.verdict.judgement import ClaimVerdict
from tests import fake_ledger
from tests.fake_ledger import cell, edited, fill, found, planned


def judged(folder: Path, plan: TablePlan) -> tuple[ClaimVerdict, ...]:
    return claims.judge(plan, found(folder, plan))


VALUES = {"asm-rh": [95.2, 95.9, 96.1], "asm-i": [91.1, 92.0, 91.9], "asm": [89.1, 90.0, 89.4]}


def test_seeds_on_one_split_are_compared_by_welch(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-speechcommands")
    fill(tmp_path / "runs", plan, lambda run: VALUES[run.system][run.seed])
    first, second = judged(tmp_path, plan)
    assert (first.better, first.worse, first.word) == ("asm-rh", "asm", "CONFIRMED")
    assert first.test == "Welch t"
    assert first.n == (3, 3)
    assert (first.ranks, first.chances) == (None, None)
    for claim, worse in ((first, "asm"), (second, "asm-i")):
        oracle = scipy_stats.ttest_ind(VALUES["asm-rh"], VALUES[worse], equal_var=False)
        assert claim.p == pytest.approx(oracle.pvalue)
        low, high = oracle.confidence_interval()
        assert claim.interval == pytest.approx((low, high))
        assert claim.effect == pytest.approx(np.mean(VALUES["asm-rh"]) - np.mean(VALUES[worse]))
    assert [c.p_adjusted for c in (first, second)] == significance.holm([first.p, second.p])


@pytest.mark.parametrize(
    ("table", "better", "worse"),
    [
        ("asmrh-urbansound8k", "asm-rh", "asm"),
        ("asmrh-casia", "asm-rh", "asm"),
        ("asmrh-ablation", "asm-rh", "asm-h"),
        ("gafx-baseline", "ast-s", "ast-ti"),
    ],
)
def test_seeds_with_a_split_each_are_paired_and_corrected(
    tmp_path: Path, table: str, better: str, worse: str
) -> None:
    """Systems of a seed share its split: d by seed, variance s^2 (1/n + n_test/n_train)."""
    plan = planned(tmp_path, table)
    draw = random.Random(3)
    values = {run.id: 90 + 2 * (run.system == better) + draw.gauss(0, 0.5) for run in plan.runs}
    fill(tmp_path / "runs", plan, lambda run: round(values[run.id], 1), ratio=4)
    claim = next(c for c in judged(tmp_path, plan) if (c.better, c.worse) == (better, worse))
    by = {name: [round(values[r.id], 1) for r in plan.runs if r.system == name]
          for name in (better, worse)}  # fmt: skip
    d = np.array(by[better]) - np.array(by[worse])
    n = len(d)
    se = d.std(ddof=1) * (1 / n + 150 / 600) ** 0.5
    assert claim.test == "corrected resampled t"
    assert claim.n == (n,)
    assert claim.effect == pytest.approx(d.mean())
    assert claim.p == pytest.approx(2 * scipy_stats.t.sf(abs(d.mean() / se), n - 1))
    assert claim.ranks == pytest.approx(scipy_stats.wilcoxon(d, method="exact").pvalue)
    assert claim.ranks_least == 2 / 2**n
    walsh = [(d[i] + d[j]) / 2 for i in range(n) for j in range(i, n)]
    assert claim.shift == pytest.approx(np.median(walsh))
    assert claim.shift_interval is None  # below 6 pairs there is none of 95 %
    assert claim.region == (1.75 if table == "gafx-baseline" else 1.0)  # the cell's margin
    posterior = scipy_stats.t(n - 1, d.mean(), se)
    expected = (posterior.cdf(-claim.region), posterior.sf(claim.region))
    assert claim.chances is not None
    assert (claim.chances[0], claim.chances[2]) == pytest.approx(expected)
    assert sum(claim.chances) == pytest.approx(1.0)


@pytest.mark.slow
def test_the_paired_corrected_t_against_welch_where_seeds_share_splits() -> None:
    """At most 5 % false, and the power that pairs give.

    Splits are worth 1.5 points of both systems alike, training .3 of each; 7 parts of the clips
    train, one tests; n = 3.
    """
    rng = np.random.default_rng(11)
    rates = {}
    for shift in (0.0, 1.0):
        hits = np.zeros(2)
        for _ in range(2000):
            split = rng.normal(0, 1.5, 3)
            a, b = (split + rng.normal(0, 0.3, 3) for _ in range(2))
            paired = significance.corrected_t(list(a + shift - b), [7] * 3, [1] * 3)
            welch = scipy_stats.ttest_ind(a + shift, b, equal_var=False)
            hits += (paired.p < 0.05, welch.pvalue < 0.05)
        rates[shift] = hits / 2000
    assert rates[0.0][0] < 0.05
    assert rates[1.0][0] > 3 * rates[1.0][1]


def test_a_missing_comparison_counts_in_the_family(tmp_path: Path) -> None:
    """ASM-I needs weights: its claim is missing, and the other's p is doubled all the same."""
    values = {"asm-rh": [95.2, 95.9, 96.1], "asm": [89.1, 90.0, 89.4]}
    plan = planned(tmp_path, "asmrh-urbansound8k")
    fill(tmp_path / "runs", plan, lambda run: values.get(run.system, [None] * 3)[run.seed])
    first, second = judged(tmp_path, plan)
    assert first.p is not None
    assert first.p_adjusted == pytest.approx(2 * first.p)
    assert (second.word, second.p, second.p_adjusted) == ("UNDECIDED", None, 1.0)
    assert second.reason == "asm-i not run"


@pytest.mark.parametrize(
    ("gap", "word"), [(1.0, "CONFIRMED"), (-1.0, "CONTRADICTED"), (0.1, "UNDECIDED")]
)
def test_words(tmp_path: Path, gap: float, word: str) -> None:
    plan = planned(tmp_path, "asmrh-ablation")
    noise = [-0.1, 0.0, 0.1]
    fill(
        tmp_path / "runs",
        plan,
        lambda run: 95 + noise[run.seed] + (gap if run.system == "asm-rh" else 0),
    )
    assert {claim.word for claim in judged(tmp_path, plan)} == {word}


def test_folds_are_compared_by_the_corrected_t(tmp_path: Path) -> None:
    """By hand: d over fold means, variance s^2 (1/k + n_test/n_train)."""
    plan = planned(tmp_path, "eat-phase")
    draw = random.Random(4)
    level = {"eat-s-phase-magnitude": 80.5, "eat-s-magnitude": 78.0}
    drawn = {run.id: level.get(run.system, 70) + draw.gauss(0, 0.8) for run in plan.runs}
    values = {name: round(4 * value) / 4 for name, value in drawn.items()}  # counts of 400 clips

    def scored(run: Run) -> fake_ledger.Metrics:
        return {"test": {"accuracy": values[run.id] / 100, "n": 400}}

    fill(tmp_path / "runs", plan, scored, train=1600)
    (claim,) = judged(tmp_path, plan)

    def fold_means(row: str) -> np.ndarray:
        runs = cell(plan, row, "accuracy").runs
        return np.array([values[run.id] for run in runs]).reshape(3, 5).mean(axis=0)

    d = fold_means("phase-magnitude") - fold_means("magnitude")
    se = d.std(ddof=1) * (1 / 5 + 400 / 1600) ** 0.5
    assert claim.test == "corrected resampled t"
    assert claim.n == (5,)
    assert claim.effect == pytest.approx(d.mean())
    assert claim.p == pytest.approx(2 * scipy_stats.t.sf(d.mean() / se, 4))


def test_an_alternative_with_folds_is_tested_as_folds(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k", assume={"split-urbansound8k": "official"})
    draw = random.Random(8)
    fill(tmp_path / "runs", plan, lambda run: 85 + draw.random())
    told = {(claim.test, claim.note) for claim in judged(tmp_path, plan)}
    assert told == {("corrected resampled t", "")}


def test_a_declared_test_that_another_protocol_does_not_call_for_is_named(tmp_path: Path) -> None:
    """The alternative is one split for all seeds, so these are independent: Welch."""
    change = {'kind = "official"\nfolds = 10\n': 'kind = "random"\ntest = 0.1\n'}
    entry = edited(tmp_path, "asmrh-urbansound8k", change)
    plan = planned(tmp_path, entry, assume={"split-urbansound8k": "official"})
    draw = random.Random(8)
    fill(tmp_path / "runs", plan, lambda run: 85 + draw.random())
    told = {(claim.test, claim.note) for claim in judged(tmp_path, plan)}
    assert told == {("Welch t", "corrected-t is declared, for another protocol")}


def test_a_quoted_number_is_met_by_one_sample(tmp_path: Path) -> None:
    """Best of ten folds, once a pass, against ERANN's 73.1, 74.8 and 74.1."""
    best = [75.0, 75.5, 75.2]
    plan = planned(tmp_path, "asmrh-ravdess")
    fill(
        tmp_path / "runs",
        plan,
        lambda run: best[run.seed] if run.clips.fold == 3 else 60.0 + run.clips.fold / 10,
    )
    judgements = judged(tmp_path, plan)
    for claim, quoted in zip(judgements, (73.1, 74.8, 74.1), strict=True):
        assert claim.p == pytest.approx(scipy_stats.ttest_1samp(best, quoted).pvalue)
        assert claim.test == "one-sample t"
        assert claim.note == "their noise unknown; on different test sets"
    assert [claim.word for claim in judgements] == ["CONFIRMED", "UNDECIDED", "CONFIRMED"]


def test_two_runs_are_enough_against_a_quoted_number(tmp_path: Path) -> None:
    entry = edited(tmp_path, "asmrh-ravdess", {"seeds = [0, 1, 2]": "seeds = [0, 1]"})
    plan = planned(tmp_path, entry)
    fill(tmp_path / "runs", plan, lambda run: 75.0 + run.seed if run.clips.fold == 3 else 60.0)
    claim = judged(tmp_path, plan)[0]
    assert claim.p == pytest.approx(scipy_stats.ttest_1samp([75.0, 76.0], 73.1).pvalue)


def test_a_quoted_blank_is_nothing_to_compare_with(tmp_path: Path) -> None:
    entry = edited(tmp_path, "asmrh-ravdess", {'cells = ["74.8", "-"]': 'cells = ["-", "-"]'})
    plan = planned(tmp_path, entry)
    fill(tmp_path / "runs", plan, lambda run: 75.0 + run.seed)
    assert judged(tmp_path, plan)[1].reason == "nothing printed to compare with"


def one_run_each(folder: Path, only_a: int, only_b: int) -> TablePlan:
    """Plan a claim tested by McNemar: one run each, with so many discordant clips of 40."""
    text = 'worse = "asm-h"\nmetric = "test.accuracy"\nsentence = "ablation experiments conducted on the UrbanSound 8K dataset validated that Roll-Time-mixing and Hermit-Frequency-mixing effectively capture both time-domain and frequency-domain information"\ntest = "corrected-t"'  # noqa: E501
    changes = {
        text: text.replace('"corrected-t"', '"mcnemar"'),
        "seeds = [0, 1, 2]": "seeds = [0]",
    }
    plan = planned(folder, edited(folder, "asmrh-ablation", changes))
    right = {"asm-rh": [1] * only_a + [0] * only_b, "asm-h": [0] * only_a + [1] * only_b}
    for run in plan.runs:
        hits = np.array(
            right.get(run.system, [0] * (only_a + only_b)) + [1] * (40 - only_a - only_b)
        )
        order = np.random.default_rng(len(run.system)).permutation(40)
        share = {"accuracy": hits.mean(), "n": 40}
        record = fake_ledger.write(folder / "runs", run, {"test": share, "valid": share})
        fake_ledger.predict(record, hits, order)
    return plan


@pytest.mark.parametrize(
    ("b", "c", "p"),
    [(7, 0, 0.015625), (15, 5, 0.04138946533), (10, 3, 0.09228515625), (0, 0, 1.0)],
)
def test_one_run_each_is_compared_by_mcnemar(tmp_path: Path, b: int, c: int, p: float) -> None:
    """Worked example 9; the stored clips come in another order in each run."""
    claim = judged(tmp_path, one_run_each(tmp_path, b, c))[0]
    assert claim.p == pytest.approx(p)
    assert claim.effect == pytest.approx(100 * (b - c) / 40)
    assert claim.test == "McNemar"
    assert claim.word == "UNDECIDED" or p < 0.025  # two claims in the family
    assert "independent" in claim.note


def test_clips_of_one_recording_are_flipped_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven clips favour A: by themselves p = 2/128; in groups of 4, 2 and 1 it is 2/8."""
    plan = one_run_each(tmp_path, 7, 0)
    of = {f"clip{i}": "x" if i < 4 else "y" if i < 6 else "z" for i in range(7)}
    monkeypatch.setattr(claims.hits, "groups", lambda *_: of)
    claim = judged(tmp_path, plan)[0]
    assert claim.p == 0.015625
    assert claim.note.endswith("as independent; by the 3 groups that differ p = 0.250")


def test_runs_on_different_clips_are_no_pairs(tmp_path: Path) -> None:
    """McNemar asks the same clips of both: here one of 40 has another name."""
    plan = one_run_each(tmp_path, 7, 0)
    assert judged(tmp_path, plan)[0].test == "McNemar"
    run = next(run for run in plan.runs if run.system == "asm-h")
    record = found(tmp_path, plan)[run.id]
    assert record is not None
    with np.load(record.path / "predictions.npz") as stored:
        arrays = dict(stored)
    for part in ("valid", "test"):
        arrays[f"{part}_ids"] = np.where(
            arrays[f"{part}_ids"] == b"clip0", b"other", arrays[f"{part}_ids"]
        )
    np.savez(record.path / "predictions.npz", **arrays)
    fake_ledger.sealed(record.path, record.content())
    claim = judged(tmp_path, plan)[0]
    assert (claim.word, claim.p, claim.reason) == ("UNDECIDED", None, "too few runs for the test")


def test_demo_runs_decide_nothing(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-ablation")
    fill(tmp_path / "runs", plan, lambda run: 99.0 if run.system == "asm-rh" else 90 + run.seed)
    silenced = claims.judge(plan, found(tmp_path, plan), "demo")
    assert {(c.word, c.reason, c.p, c.effect) for c in silenced} == {
        ("UNDECIDED", "demo", None, None)
    }


def test_records_without_the_metric_decide_nothing(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-ablation")
    for run in plan.runs:
        fake_ledger.write(tmp_path / "runs", run, {"valid": {"accuracy": 0.9}})
    reasons = {claim.reason for claim in judged(tmp_path, plan)}
    assert reasons == {"asm-rh: records without test.accuracy"}


def test_summary() -> None:
    def claim(word: str) -> ClaimVerdict:
        return ClaimVerdict("a", "b", "m", "s", word)

    assert claims.summary([]) == "no claim declared"
    assert claims.summary([claim("CONFIRMED")]) == "1 claim: 1 confirmed"
    three = [claim("UNDECIDED"), claim("CONTRADICTED"), claim("UNDECIDED")]
    assert claims.summary(three) == "3 claims: 2 undecided, 1 contradicted"
