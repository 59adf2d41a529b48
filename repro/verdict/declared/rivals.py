"""Compare the systems of a table with one another where no paper does: on other data, or yours.

Every comparison is declared by asking: on other data each pair of systems, in a printed table the
user's own against each of the paper's. They are one Holm family of their own, and no verdict.
"""

from collections.abc import Iterator
from itertools import combinations

from repro.plan.planning import PlannedCell, TablePlan
from repro.spec.schema import Claim
from repro.stats import summary
from repro.verdict import claims, reduction
from repro.verdict.judgement import ClaimVerdict
from repro.verdict.reduction import Results


def compare(plan: TablePlan, found: Results) -> tuple[ClaimVerdict, ...]:
    """Test each pair on each metric of the test clips; empty where nothing may be said.

    Generated audio says nothing about which system is better on real clips.
    """
    if not (plan.entry.on or plan.entry.own) or plan.request.audio == "generated":
        return ()
    return claims.judge(plan, found, drawn=list(_pairs(plan)))


def _pairs(plan: TablePlan) -> Iterator[Claim]:
    """Yield what is compared, the user's own system first."""
    asked, primary = {run.id for run in plan.needed()}, _primary(plan)
    by_metric: dict[str, dict[str, PlannedCell]] = {}
    for cell in plan.cells:
        metric = str(cell.fields.metric)
        if cell.fields.kind == "trained" and metric in primary and (
            any(run.id in asked for run in cell.runs)
        ):  # fmt: skip
            by_metric.setdefault(metric, {}).setdefault(str(cell.fields.system), cell)
    own, everyone = plan.entry.own, bool(plan.entry.on)
    for metric, cells in by_metric.items():
        for a, b in combinations(cells, 2):
            if not (everyone or {a, b} & own):
                continue
            swapped = not everyone and b in own and a not in own
            better, worse = (b, a) if swapped else (a, b)
            single = all(len(cells[name].runs) == 1 for name in (a, b))
            yield Claim(better=better, worse=worse, metric=metric, sentence="",
                        test="mcnemar" if single else "welch")  # fmt: skip


def _primary(plan: TablePlan) -> set[str]:
    """Return the metrics that systems are compared on: those of test clips, the primary ones."""
    names = plan.entry.table.statistics.primary
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for cell in plan.cells:
        if cell.fields.kind == "trained" and str(cell.fields.metric).startswith("test."):
            found[bool({cell.row.id, cell.column.id} & {*names})].add(str(cell.fields.metric))
    return found[True] or found[False]


def told(one: ClaimVerdict) -> str:
    """Say a comparison in a line: the difference, the test, its p, and what p can be at least."""
    pair = f"{one.better} against {one.worse}, {one.metric}"
    if one.effect is None or one.p is None:
        return f"{pair}: not compared ({one.reason})."
    low, high = one.interval or (None, None)
    between = "" if low is None else f" (95 % interval {low:+.2f} to {high:+.2f})"
    number = " and ".join(map(str, one.n)) or "?"
    text = f"{pair}: {one.effect:+.2f} points{between}; {one.test}, n = {number}, p = {one.p:.4f}"
    text += f", by Holm {one.p_adjusted:.4f}" if one.p_adjusted != one.p else ""
    if one.ranks is not None and one.ranks_least is not None:
        text += (
            f"; signed ranks p = {one.ranks:.4f}, at least {one.ranks_least:.4f} with these pairs"
        )
    verdicts = {"CONFIRMED": f"{one.better} is better", "CONTRADICTED": f"{one.worse} is better"}
    note = f" ({one.note})" if one.note else ""
    return f"{text}: {verdicts.get(one.word, 'no difference is shown')}{note}."


def by_fold(plan: TablePlan, found: Results) -> list[str]:
    """Say what each fold of other data gives, the mean over seeds: where a system is weak."""
    lines = []
    for cell in plan.cells if plan.entry.on else ():
        tested = cell.runs and str(cell.fields.metric).startswith("test.")
        units = reduction.reduce(cell, found).units if tested else ()
        if units and len(units[0].folds) > 1:
            means = summary.fold_means([unit.folds for unit in units])
            each = ", ".join(f"{value:.2f}" for value in means)
            lines.append(f"By fold, {cell.fields.system}, {cell.fields.metric}: {each}.")
    return lines
