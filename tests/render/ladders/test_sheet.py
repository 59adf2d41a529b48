"""A ladder as a sheet: what stands behind a choice, over all its systems."""

from typing import Any

from repro.render.ladders import sheet
from repro.verdict.ladder import Ladder, Rung, Step


def step(system: str, train: int, *executions: str) -> Step:
    described: dict[str, Any] = {"device_name": system, "tier": "exact"}
    return Step("official", {0: 60.0}, "complete", None, (train,), (80,),
                dict.fromkeys(executions, described))  # fmt: skip


def behind(*steps: Step) -> list[str]:
    """Return what is said of the choices of systems."""
    rungs = tuple(Rung(str(n), "c", str(n), "", (one,), ()) for n, one in enumerate(steps))
    return [
        line.removeprefix("- ")
        for line in sheet.lines([Ladder("t", "split", "split", ("official",), rungs)])
        if line.startswith("- ")
    ]


def test_sizes_and_executions_of_a_choice_are_those_of_every_system() -> None:
    (said,) = behind(step("EPYC", 240, "aaaaaa"), step("Xeon", 240, "bbbbbb"))
    assert said == (
        "official: 240 clips trained on, 80 tested on; mixed executions: aaaaaa (EPYC, exact), "
        "bbbbbb (Xeon, exact)"
    )
    (said,) = behind(step("EPYC", 1200, "aaaaaa"), step("EPYC", 240, "aaaaaa"))
    assert said == "official: 240 or 1,200 clips trained on, 80 tested on"
