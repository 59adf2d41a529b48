"""The bars of a training on a terminal."""

import re
from types import SimpleNamespace

import pytest

from repro.commands.shared import progress
from repro.commands.shared.progress import _Bars


@pytest.fixture
def bars(monkeypatch):
    """Bars for three runs, on a clock that moves on by a minute at each event."""
    shown = _Bars(3)
    clock = SimpleNamespace(now=0.0)
    shown._progress.tasks[0]._get_time = lambda: clock.now
    run = SimpleNamespace(label="ASM", seed=0, resolved={"recipe": {"epochs": 4}})

    def tell(worker, **event):
        clock.now += 60
        shown.update(worker, run, event)
        return {task.description: task for task in shown._progress.tasks}

    yield tell
    shown.stop()


def overall(tasks):
    return next(task for text, task in tasks.items() if text.startswith("all runs"))


def test_all_runs_move_with_every_epoch_and_say_when_they_end(bars):
    valid = {"accuracy": 0.5}
    bars("cpu", event="epoch", epoch=1, valid=valid)
    tasks = bars("cpu #2", event="step", epoch=2, done=50, of=100)
    assert overall(tasks).completed == pytest.approx(0.25 + 1.5 / 4)
    assert overall(tasks).fields["count"] == "0/3"
    assert tasks["cpu ASM seed 0: 50.0 % valid"].fields["count"] == "1/4"
    tasks = bars("cpu", event="epoch", epoch=4, valid=valid)
    assert re.fullmatch(r"all runs, done \w+ \d\d:\d\d", overall(tasks).description)
    tasks = bars("cpu", event="end", status="complete", cause="")
    assert overall(tasks).completed == pytest.approx(1 + 1.5 / 4)
    assert "cpu" in tasks  # it waits for its next run
    tasks = bars("cpu #2", event="end", status="failed", cause="x")
    assert (overall(tasks).completed, overall(tasks).fields["count"]) == (2, "2/3")


def test_piped_training_says_a_line_a_minute(monkeypatch, capsys):
    """Events come every 20 seconds: of 8 epochs every third is told of."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock.now))
    run = SimpleNamespace(label="ASM", seed=0, id="b61f", resolved={
        "recipe": {"epochs": 8}, "dataset": "esc50"})  # fmt: skip
    shown = progress.Progress([run, run])
    for epoch in range(1, 9):
        clock.now += 20
        shown.show(
            "cpu", run, {"event": "epoch", "epoch": epoch, "valid": {"accuracy": epoch / 10}}
        )
    clock.now += 60
    shown.show("cpu", run, {"event": "step", "epoch": 9, "done": 30, "of": 40})
    shown.show("cpu", run, {"event": "step", "epoch": 9, "done": 31, "of": 40})
    told = [line.partition(": ") for line in capsys.readouterr().err.splitlines()]
    assert {name for name, _, _ in told} == {"[1/2] ASM seed 0 on esc50 (b61f)"}
    assert [text for _, _, text in told] == [
        "epoch 3 of 8, 30.0 % valid", "epoch 6 of 8, 60.0 % valid", "epoch 9 of 8, 75 % of it",
    ]  # fmt: skip
