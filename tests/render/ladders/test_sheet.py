"""A ladder as a sheet: what stands behind a choice, over all its systems."""

from typing import Any

from repro.render.ladders import sheet
from repro.verdict.ladder import Ladder, Rung, Step


def step(system: str, train: int, *executions: str, runs: str = "ab") -> Step:
    described: dict[str, Any] = {"device_name": system, "tier": "exact"}
    return Step("official", {0: 60.0}, "complete", None, (train,), (80,),
                dict.fromkeys(executions, described), tuple(runs))  # fmt: skip


def behind(*steps: Step) -> list[str]:
    """Return what is said of the choices of systems."""
    rungs = tuple(Rung(str(n), "c", str(n), "", (one,), ()) for n, one in enumerate(steps))
    return [
        line.removeprefix("- ")
        for line in sheet.lines([Ladder("t", "split", "split", ("official",), rungs)])
        if line.startswith("- ")
    ]


def test_sizes_and_executions_of_a_choice_are_those_of_every_system() -> None:
    (said,) = behind(step("EPYC", 240, "aaaaaa"), step("Xeon", 240, "bbbbbb", runs="cd"))
    assert said == (
        "official: 4 runs; 240 clips trained on, 80 tested on; mixed executions: "
        "aaaaaa (EPYC, exact), bbbbbb (Xeon, exact)"
    )
    (said,) = behind(step("EPYC", 1200, "aaaaaa"), step("EPYC", 240, "aaaaaa", runs="c"))
    assert said == (
        "official: 3 runs; 240 or 1,200 clips trained on, 80 tested on; "
        "execution: aaaaaa (EPYC, exact)"
    )


def test_a_run_behind_two_cells_is_counted_once() -> None:
    """As accuracy and AUC of one system, or the mean over systems."""
    (said,) = behind(step("EPYC", 240, "aaaaaa"), step("EPYC", 240, "aaaaaa", runs="abc"))
    assert said.startswith("official: 3 runs; 240 clips")


def test_what_was_tried_besides_stands_below_also_where_nothing_has_run() -> None:
    empty = Step("official", {}, "0 of 50 runs")
    rungs = (Rung("1", "c", "1", "", (empty,), ()),)
    made = Ladder("t", "split", "split", ("official",), rungs, tried=("Tried besides: 27.",))
    assert sheet.lines([made])[-1] == "- Tried besides: 27."
