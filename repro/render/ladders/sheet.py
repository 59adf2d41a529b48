"""A ladder as a sheet: a row for each system, a column for each choice and each difference."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from repro.plan import marks
from repro.records import executions
from repro.verdict import phrases
from repro.verdict.ladder import Effect, Ladder, Rung, Step

LEGEND = (
    "Points; mean ± standard deviation of a run, or of a pass over folds, as the verdict takes "
    "it; differences with 95 % intervals."
)


@dataclass(frozen=True)
class Sheet:
    """What formats arrange; without rows no primary cell depends on the choice."""

    table: str
    title: str
    warning: str  # what the numbers are not
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    differences: int  # how many of the columns, the last ones
    below: tuple[str, ...]  # what stands behind the steps and differences


def sheet(one: Ladder) -> Sheet:
    """Lay a ladder out."""
    pairs = [f"{a} - {b}" for a, b in combinations(one.choices, 2)]
    named = [_minus(pair) for pair in pairs]
    return Sheet(
        table=one.table,
        title=marks.titled(f"{one.table}: {one.title} ({one.axis})", one.marks),
        warning=one.warning,
        head=("", "printed", *one.choices, *named),
        rows=tuple(_rung(rung, pairs) for rung in one.rungs),
        differences=len(pairs),
        below=(*_behind(one), *one.tried),
    )


def lines(ladders: Sequence[Ladder]) -> list[str]:
    """Write ladders in Markdown."""
    found: list[str] = []
    for one in ladders:
        made = sheet(one)
        found += [f"## {made.title}", ""]
        found += [f"**{made.warning}**", ""] if made.warning else []
        if not made.rows:
            found += ["No primary cell depends on it.", ""]
            continue
        rows = [made.head, ("---",) * len(made.head), *made.rows]
        found += [f"| {' | '.join(row)} |" for row in rows]
        found += ["", LEGEND, "", *(f"- {text}" for text in made.below), ""]
    return found[:-1]


def _minus(pair: str) -> str:
    """Write a difference of choices with a true minus sign."""
    return pair.replace(" - ", f" {phrases.MINUS} ")


def _behind(one: Ladder) -> Iterator[str]:
    """Say once what stands behind steps and effects: runs, sizes, executions, tests, test clips."""
    for choice in one.choices:
        steps = [s for rung in one.rungs for s in rung.steps if s.choice == choice and s.values]
        if not steps:
            continue
        train, test = (
            " or ".join(f"{n:,}" for n in sorted({*chain.from_iterable(sizes)}))
            for sizes in zip(*((step.train, step.test) for step in steps), strict=True)
        )
        runs = {run for step in steps for run in step.runs}  # some behind several cells
        used = {name: told for step in steps for name, told in step.executions.items()}
        yield (
            f"{choice}: {phrases.units(len(runs), 1)}; "
            f"{train} clips trained on, {test} tested on; "
            f"{'mixed executions' if len(used) > 1 else 'execution'}: {executions.listed(used)}"
        )
    effects = [effect for rung in one.rungs for effect in rung.effects]
    often = Counter(effect.of for effect in effects)  # systems with runs under both choices
    for effect in {effect.of: effect for effect in effects}.values():
        text = f"{_minus(effect.of)}: "
        text += effect.test or "a single unit on a side, so no interval"
        if effect.p is not None and often[effect.of] == 1:
            text += f", {phrases.p_value(effect.p)}"
        if effect.common is not None:
            both, first, other = effect.common
            text += f"; {both:,} clips are tested on under both, of {first:,} and {other:,}"
        if effect.groups is not None and often[effect.of] == 1:
            n, difference, p = effect.groups
            text += f"; paired by the {n} groups tested under both: "
            text += f"{phrases.number(difference, 2, signed=True)}, {phrases.p_value(p)}"
        yield text


def _rung(rung: Rung, pairs: Sequence[str]) -> tuple[str, ...]:
    label = f"{rung.label} ({rung.row}/{rung.column})" if rung.row else rung.label
    effects = {effect.of: effect for effect in rung.effects}
    told = (_effect(effects.get(pair)) for pair in pairs)
    return (label, rung.printed, *map(_step, rung.steps), *told)


def _step(step: Step) -> str:
    if step.mean is None:
        return f"NOT RUN ({step.state})"
    text = phrases.number(step.mean, 2)
    if step.spread is not None:
        text += f" ± {phrases.number(step.spread, 2)}"
    return text if step.state == "complete" else f"{text} ({step.state})"


def _effect(effect: Effect | None) -> str:
    if effect is None:
        return ""
    text = phrases.number(effect.difference, 2, signed=True)
    return f"{text} {phrases.interval(*effect.interval)}" if effect.interval else text
