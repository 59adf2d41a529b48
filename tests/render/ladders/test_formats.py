"""Ladders as LaTeX, CSV and plain data: what Markdown says of them, the others say too."""

import csv
from pathlib import Path

from repro.render.ladders import formats
from repro.verdict.ladder import Effect, Ladder, Rung, Step
from tests.latex import needs_latex, typeset


def ladders() -> list[Ladder]:
    """Return one of two systems, four runs in two units and two in two, and an empty one."""
    used = {"eb2048": {"device_name": "Xeon", "tier": "exact"}}
    steps = (Step("official", {0: 60.0, 1: 62.0}, "complete", 1.41, (240, 250), (80,), used,
                  ("a", "b", "c", "d")),
             Step("random", {0: 70.0, 1: 74.0}, "partial: 2 of 3 runs", 2.83, (240,), (80,), used,
                  ("e", "f")))  # fmt: skip
    effect = Effect("official - random", -11.0, (-20.6, -1.4), 0.04, "Welch t", None,
                    (15, -6.55, 0.019))  # fmt: skip
    rungs = (Rung("a", "c", "M3Net", "95.0 %", steps, (effect,)),
             Rung("b", "c", "AST", "94.0 %", (steps[0], Step("random", {}, "0 of 3 runs")),
                  ()))  # fmt: skip
    return [Ladder("m3net-x", "split", "split", ("official", "random"), rungs),
            Ladder("m3net-y", "split", "split", ("official",), (), ("3 of 10 official folds",),
                   "Not the paper's experiment.")]  # fmt: skip


@needs_latex
def test_a_ladder_is_a_table_of_latex(tmp_path: Path) -> None:
    done = typeset(tmp_path, formats.as_latex(ladders(), standalone=True, noted=True))
    assert done.problems == []
    shown = " ".join(done.text().split())
    assert "random 72.00 ± 2.83 (partial: 2 of 3 runs) NOT RUN (0 of 3 runs)" in shown
    assert "official − random −11.00 [−20.60, −1.40]" in shown
    assert "No primary cell depends on it." in shown
    assert "m3net-y: split (split) [3 of 10 official folds]" in shown
    assert "Not the paper’s experiment." in shown


def test_latex_names_runs_clips_and_the_processor_of_a_choice() -> None:
    text = formats.as_latex(ladders(), standalone=False, noted=True)
    assert "random: 2 runs; 240 clips trained on, 80 tested on; execution: eb2048 (Xeon" in text


def test_csv_has_a_line_for_each_choice_and_difference_with_what_stands_behind() -> None:
    first, *rows = csv.DictReader(formats.as_csv(ladders()).splitlines())
    assert (first["kind"], first["value"], first["n"]) == ("choice", "61.0", "2")
    behind = ("n_runs", "train", "tested", "executions", "runs")
    assert [first[name] for name in behind] == [
        "4", "240; 250", "80", "eb2048 (Xeon, exact)", "a b c d"
    ]  # fmt: skip
    (apart,) = (row for row in rows if row["kind"] == "difference")
    assert (apart["value"], apart["low"], apart["p"]) == ("-11.0", "-20.6", "0.04")
    by_group = ("groups", "by_group", "by_group_p")
    assert [apart[name] for name in by_group] == ["15", "-6.55", "0.019"]
    assert len(rows) == 4


def test_plain_data_has_the_same() -> None:
    rung = formats.as_data(ladders())["ladders"][0]["rungs"][0]
    step, effect = rung["steps"][0], rung["effects"][0]
    assert (step["n_runs"], step["train"], step["test"]) == (4, (240, 250), (80,))
    assert list(step["executions"]) == ["eb2048"]
    assert effect["groups"] == (15, -6.55, 0.019)
