"""A recipe over other epochs: what it counts in epochs keeps its share of them."""

import pytest

from repro.errors import UserError
from repro.plan import marks
from repro.plan.lengths import stretched
from repro.plan.request import Request
from repro.plan.wanted import plan_asked
from repro.render import notes
from repro.spec.catalogue import load
from tests import fake_ledger

RECIPE = {
    "batch": 64, "epochs": 10, "loss": "ce",
    "schedule": {"name": "halving", "start": 2, "factor": 0.25, "at": [3, 5], "warmup_steps": 100},
    "augment": {"mix_from_epoch": 4, "roll": 10},
}  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "clips", "more", "epochs"),
    [
        (40, 240, {}, 10),  # 240 / 64: four batches an epoch
        (41, 240, {}, 11),
        (41, 240, {"drop_last": True}, 14),  # three
        (40, 240, {"pieces": 4}, 3),  # 960 pieces: 15
        (5, 10, {"drop_last": True}, 5),  # an epoch has one batch at least
        (1, 240, {}, 1),
    ],
)
def test_the_epochs_are_the_fewest_that_have_so_many_steps(steps, clips, more, epochs):
    assert stretched({**RECIPE, **more}, steps, clips)["epochs"] == epochs


def test_what_is_counted_in_epochs_keeps_its_share():
    twice = stretched(RECIPE, 80, 240)
    assert twice["epochs"] == 20
    # Half as much an epoch: after twice the epochs the rate has fallen as far.
    assert twice["schedule"] == {
        "name": "halving", "start": 4, "factor": 0.5, "at": [6, 10], "warmup_steps": 100,
    }  # fmt: skip
    assert twice["augment"] == {"mix_from_epoch": 8, "roll": 10}
    assert RECIPE["schedule"]["at"] == [3, 5]


def test_steps_are_kept_on_any_data_and_stand_in_title_and_id(tmp_path):
    batch = {"assume": {"batch": "64"}}
    plain = fake_ledger.planned(tmp_path, "m3net-urbansound8k", on="esc10", **batch)
    longer = fake_ledger.planned(tmp_path, "m3net-urbansound8k", on="esc10", steps=2000, **batch)
    assert {run.steps for run in plain.runs} == {400}  # four batches of 64 of 240 clips, 100 times
    assert {run.steps for run in longer.runs} == {2000}
    assert {run.resolved["recipe"]["epochs"] for run in longer.runs} == {500}
    assert not {run.id for run in plain.runs} & {run.id for run in longer.runs}
    assert "2,000 STEPS" in marks.marks(longer, ())
    (epochs,) = (a for a in notes.assumed(longer) if a.key == "epochs")
    assert epochs.mark == "(not in force: --steps 2000 has 500)"
    assert " ".join(longer.request.words()).count("--steps 2000") == 1
    same = fake_ledger.planned(tmp_path, "m3net-urbansound8k", on="esc10", steps=400, **batch)
    assert [run.id for run in same.runs] == [run.id for run in plain.runs]
    with pytest.raises(UserError, match="--steps 400 changes no run"):
        plan_asked(same.entry, same.request, fake_ledger.home(tmp_path))
    plan_asked(
        load("gafx-unet-architecture"), Request(steps=400), fake_ledger.home(tmp_path)
    )  # no runs


def test_what_a_run_starts_from_keeps_its_own_length(tmp_path):
    """EAT's AudioSet network is Table 5's, whatever the fine-tuning is given."""
    plain = fake_ledger.planned(tmp_path, "eat-esc50")
    longer = fake_ledger.planned(tmp_path, "eat-esc50", steps=100)
    assert [run.id for run in longer.parents] == [run.id for run in plain.parents]
    assert {run.steps for run in longer.runs} == {108}  # 1600 clips: twelve full batches an epoch
