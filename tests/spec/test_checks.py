"""What a table declares of its statistics has to be what its runs get."""

import pytest

from repro.errors import UserError
from repro.spec import catalogue
from tests.fake_ledger import edited

# A change of a shipped file, and the words of its refusal.
WRONG = {
    "seeds that share a split each are no independent seeds": (
        "asmrh-casia", {'decider = "corrected-t"': 'decider = "welch"'},
        "statistics.decider = 'welch', but protocol 'random' has a split for each seed, so "
        "'corrected-t' decides",
    ),
    "seeds on one fixed split are": (
        "asmrh-speechcommands", {'decider = "welch"': 'decider = "corrected-t"'},
        "share no splits that differ, so 'welch' decides",
    ),
    "a claim over folds": (
        "eat-phase", {'test = "corrected-t"': 'test = "welch"'},
        "[[claim]] 1, phase-magnitude > magnitude: protocol 'official' has 5 folds, so the test is "
        "'corrected-t', not 'welch'",
    ),
    "a claim over seeds with splits of their own": (
        "gafx-baseline", {'test = "corrected-t"': 'test = "welch"'},
        "has a split for each seed, so the test is 'corrected-t', not 'welch'",
    ),
    "a quoted number": (
        "eat-urbansound8k", {'test = "one-sample-t"': 'test = "welch"'},
        "one side is quoted, so the test is 'one-sample-t', not 'welch'",
    ),
    "a test against a quoted number where both sides are ours": (
        "eat-audioset", {'test = "welch"': 'test = "one-sample-t"'},
        "so the test is 'welch', not 'one-sample-t'",
    ),
    "a metric that no cell has": (
        "eat-phase", {'worse = "magnitude"\nmetric = "test.accuracy"':
                      'worse = "magnitude"\nmetric = "test.auc"'},
        "unknown side of a [[claim]] on test.auc",
    ),
    "a side that no cell is": (
        "eat-phase", {'better = "phase-magnitude"': 'better = "phase-magnitud"'},
        "did you mean 'phase-magnitude'",
    ),
    "a run over folds": (
        "eat-esc50", {'unit = "pass"': 'unit = "run"'},
        "statistics.unit = 'run', but its protocols have folds: a pass over them is the unit",
    ),
    "a pass of a hold-out": (
        "gafx-genre", {'unit = "run"': 'unit = "pass"'},
        "statistics.unit = 'pass', but its protocols have no folds: a run is the unit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_statistics_that_the_runs_do_not_get_are_refused(case, tmp_path):
    table, changes, said = WRONG[case]
    with pytest.raises(UserError) as caught:
        edited(tmp_path, table, changes)
    assert said in caught.value.message
    assert f"{table.partition('-')[2]}.toml" in caught.value.message


def test_mcnemar_may_be_declared_for_any_two_systems_of_ours(tmp_path):
    """One run each is compared clip by clip, whatever their seeds share."""
    edited(tmp_path, "eat-phase", {'test = "corrected-t"': 'test = "mcnemar"'})


def test_shipped_tables_use_all_the_tests():
    tests = {c.test for entry in catalogue.load_all() for c in entry.table.claim}
    assert tests == {"welch", "corrected-t", "one-sample-t"}
