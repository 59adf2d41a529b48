"""Runs trained side by side on one device have the bytes of runs trained alone."""

import pytest

from repro.engines import local
from repro.records.ledger import Ledger
from tests import tiny


def train(runs, home, per_device):
    outcomes = local.execute(runs, ["cpu"], 1, home, lambda *_: None, per_device)
    assert sorted(outcomes.done) == sorted(run.id for run in runs)
    return {run.id: Ledger([home.runs]).result(run.id) for run in runs}


@pytest.mark.slow
def test_side_by_side_is_as_alone(tables, tmp_path):
    runs = [tiny.run(tables, "asm-rh"), tiny.run(tables, "asm"), tiny.run(tables, "asm", seed=1)]
    alone = train(runs, tiny.home(tmp_path / "alone"), 1)
    together = train(runs, tiny.home(tmp_path / "together"), 3)
    for run in runs:
        one, other = alone[run.id], together[run.id]
        for name in ("epochs.jsonl", "predictions.npz"):
            assert (one.path / name).read_bytes() == (other.path / name).read_bytes()
        assert one.weights == other.weights
        assert one.execution == other.execution
    assert len({record.weights for record in alone.values()}) == 3
