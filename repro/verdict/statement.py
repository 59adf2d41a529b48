"""The statement about a table: its word, coverage, level apart from order."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from repro.plan.planning import TablePlan
from repro.stats import significance, summary
from repro.stats.equivalence import Closeness
from repro.verdict import claims, phrases, reduction, roles
from repro.verdict.judgement import CellVerdict, ClaimVerdict, TableVerdict, count
from repro.verdict.reduction import Results

ALPHA = 0.05

Cells = Mapping[tuple[str, str], CellVerdict]


def of(
    plan: TablePlan,
    cells: Cells,
    judged: Sequence[ClaimVerdict],
    found: Results,
    beside: Results,
    registered: str,
    silenced: str,
) -> TableVerdict:
    """State what the primary cells and the claims say of a table.

    found: the records of its own systems; beside: of systems that were added to it.
    """
    voting = {(c.row.id, c.column.id): cells[c.row.id, c.column.id] for c in roles.primary(plan)}
    word, reason = ("NO VERDICT", silenced) if silenced else _word(voting, judged)
    votes = count(voting)
    coverage = _coverage(plan, voting, found, beside, silenced)
    level = _level(plan, found) if not silenced else ""
    order = claims.summary(judged)
    said = ", ".join(f"{number} {name}" for name, number in votes.items()) or "none of ours"
    assuming = "".join(f", assuming {k}={v}" for k, v in plan.request.assume.items())
    because = f" ({reason})" if reason else ""
    return TableVerdict(
        word=word,
        reason=reason,
        counts=count(cells),
        votes=votes,
        coverage=coverage,
        level=level,
        order=order,
        registration=registered,
        sentence=(
            f"{word}{because}{assuming}: primary cells: {said}; {coverage}. "
            f"{f'Level: {level}. ' if level else ''}Order: {order}. "
            f"{registered[:1].upper()}{registered[1:]}."
        ),
    )


def _coverage(
    plan: TablePlan, voting: Cells, found: Results, beside: Results, silenced: str
) -> str:
    """Say how much of what is declared is there: runs, primary cells, clips of each dataset."""
    done = sum(record is not None for record in found.values())
    parts = [f"{done} of {len(found)} runs done"] if found else []
    added: dict[str, list[bool]] = {}
    for run in (run for run in plan.runs if run.id in beside):
        added.setdefault(run.system, []).append(beside[run.id] is not None)
    parts += [f"{sum(done)} of {len(done)} of {system}" for system, done in added.items()]
    if voting and not silenced:
        missing = sum(v.word == "NOT RUN" or v.reason == "partial" for v in voting.values())
        parts.append(f"{len(voting) - missing} of {len(voting)} primary cells complete")
    for name, outline in plan.outlines.items():
        if 0 < outline.present < outline.total:
            parts.append(f"{outline.present:,} of {outline.total:,} clips of {name}")
    return ", ".join(parts) or "nothing to run"


def p_different(close: Closeness, df: float) -> float:
    """Return the two-sided p that the paper's mean and ours are one, beyond rounding."""
    from scipy.special import stdtr

    if close.h == 0:
        return 0.0 if close.excess else 1.0
    t = close.excess / close.h * summary.t_quantile(0.975, df)
    return 2 * float(stdtr(df, -t))


def _word(voting: Cells, judged: Sequence[ClaimVerdict]) -> tuple[str, str]:
    """Choose the table's word from the primary cells and the claims; return it with a reason."""
    aside = ("NO VERDICT", "NOT COMPARABLE")
    verdicts = [verdict for verdict in voting.values() if verdict.word not in aside]
    if not verdicts:
        some = next(iter(voting.values()), None)
        return (some.word, some.reason) if some else ("NO VERDICT", "declared")
    words = Counter(verdict.word for verdict in verdicts)
    if words.keys() == {"NOT RUN"}:
        return "NOT RUN", ""
    contradicted = any(claim.word == "CONTRADICTED" for claim in judged)
    if words.keys() == {"REPRODUCED"} and not contradicted:
        return "REPRODUCED", ""
    # The family is every primary cell declared; one without a p counts as 1.
    adjusted = significance.holm([verdict.p_different for verdict in verdicts])
    different = [v.word == "DIFFERENT" for v in verdicts]
    if any(is_so and p < ALPHA for is_so, p in zip(different, adjusted, strict=True)):
        return "DIFFERENT", ""
    if words.keys() <= {"REPRODUCED", "COMPATIBLE"}:
        return "COMPATIBLE", "claim contradicted" if contradicted else ""
    if words["NOT RUN"] or any(v.reason == "partial" for v in verdicts):
        return "INCONCLUSIVE", "partial"
    return "INCONCLUSIVE", ""


def _level(plan: TablePlan, found: Results) -> str:
    """Return the mean of ours minus printed over the primary cells, with its interval over seeds.

    Cells share seeds and often splits, so their errors are not independent: the replicate is a
    seed, averaged over the cells. The printed numbers are taken as they stand. Empty where no
    primary cell is a trained number: a count or a layer has no level, and of an increment its base
    row has it.
    """
    levels = [c for c in roles.primary(plan) if c.fields.kind == "trained" and c.printed]
    if not levels:
        return ""
    shifts: list[dict[int, float]] = []
    for cell in levels:
        assert cell.printed is not None
        reduced = reduction.reduce(cell, found)
        if reduced.complete and not reduced.diverged:
            printed = float(cell.printed.value)
            shifts.append({unit.seed: unit.value - printed for unit in reduced.units})
    if not shifts:
        return "no trained primary cell is complete"
    values = seed_means(shifts)
    text = phrases.number(fmean(values), 2, signed=True) if values else "no common seed"
    if len(values) > 1:
        half = summary.t_quantile(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
        bounds = phrases.interval(fmean(values) - half, fmean(values) + half)
        text += f", 95 % interval {bounds}"
    over = f"{phrases.many(len(shifts), 'cell')} and {phrases.many(len(values), 'seed')}"
    return f"mean shift {text}, over {over}"


def seed_means(cells: Sequence[Mapping[int, float]]) -> list[float]:
    """Average cells seed by seed, over the seeds that all of them have."""
    common = set.intersection(*(set(cell) for cell in cells))
    return [fmean(cell[seed] for cell in cells) for seed in sorted(common)]
