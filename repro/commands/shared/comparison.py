"""Write verdicts as a report to read, or as plain data."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from repro.plan import marks
from repro.plan.planning import PlannedCell, TablePlan
from repro.stats.bootstrap import Resampled
from repro.verdict import phrases
from repro.verdict.declared import rivals
from repro.verdict.judgement import WORDS, CellVerdict, ClaimVerdict, Judgement
from repro.verdict.sensitivity import Cell, Sensitivity

# Most telling first; those after it are only counted and named.
_ORDER = ("DIFFERENT", "CONTRADICTED", "INCONCLUSIVE", "UNDECIDED", "COMPATIBLE", "REPRODUCED",
          "CONFIRMED", "NOT RUN", "NOT COMPARABLE")  # fmt: skip


NOISE = (
    "Intervals speak of runs (seeds, and splits where each run draws its own), not of the test "
    "clips: how a system does on other clips is another question."
)


@dataclass(frozen=True)
class Compared:
    """A table with its verdicts, and how they fare under other choices."""

    plan: TablePlan
    judged: Judgement
    fared: Mapping[Cell, Sensitivity]
    marks: tuple[str, ...]
    drawn: tuple[Resampled | None, ...] = ()  # by claim: its test clips drawn again
    said: Sequence[str] = ()  # of earlier attempts, and of the audio of records
    pairs: tuple[ClaimVerdict, ...] = ()  # systems compared where no paper does


def lines(compared: Sequence[Compared]) -> list[str]:
    """Write the report: each table's statement, its cells by word, claims, sensitivity."""
    found: list[str] = []
    if len(compared) > 1:
        words = [one.judged.table.word for one in compared]
        counts = ", ".join(f"{words.count(w)} {w}" for w in WORDS if w in words)
        found += [f"{len(compared)} tables: {counts}", ""]
    for one in compared:
        found += [*_table(one), ""]
    return [*found, NOISE]


def _table(one: Compared) -> Iterator[str]:
    """Write one table."""
    table = one.judged.table
    yield _title(one)
    yield ""
    if warning := marks.warning(one.plan):
        yield from [f"**{warning}**", ""]
    because = f" ({table.reason})" if table.reason else ""
    yield f"**{table.word}**{because}: {_counts(table.votes)} among the primary cells"
    yield ""
    yield f"- Coverage: {table.coverage}"
    if table.level:
        yield f"- Level: {table.level}"
    yield f"- Order: {table.order}"
    yield f"- All cells: {_counts(table.counts)}"
    yield f"- {table.registration[0].upper()}{table.registration[1:]}"
    yield from (f"- {line}" for line in one.said)
    yield from _cells(one)
    if one.judged.claims:
        yield from ["", f"Claims ({table.order}; p adjusted by Holm over all declared):"]
        for sentence in dict.fromkeys(claim.sentence for claim in one.judged.claims):
            yield f'- "{sentence}"'
            for number, claim in enumerate(one.judged.claims):
                if claim.sentence == sentence:
                    drawn = one.drawn[number] if one.drawn else None
                    yield f"  - {_claim(claim)}{_drawn(drawn)}"
    if one.pairs:
        yield from ["", "Systems that no paper compares so:"]
        for pair in one.pairs:
            yield f"- {rivals.told(pair, rivals.as_printed(one.plan, pair))}"
    if one.fared:
        yield from ["", "Other choices where the paper is silent:"]
        fared = {cell: f"{s.word} {s.sentence}" for cell, s in one.fared.items()}
        yield from (f"- {_names(cells)}: {text}" for text, cells in _grouped(fared.items()))


def _title(one: Compared) -> str:
    entry = one.plan.entry
    text = f"## {entry.id} ({entry.paper.short}, Table {entry.table.number}): {entry.table.title}"
    return marks.titled(text, one.marks)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {word}" for word, number in counts.items()) or "none of ours"


def _cells(one: Compared) -> Iterator[str]:
    """Write the cells by word; those with one sentence together."""
    for word in _ORDER:
        cells = {name: cell for name, cell in one.judged.cells.items() if cell.word == word}
        if not cells:
            continue
        yield from ["", f"{word} ({len(cells)}):"]
        for text, names in _grouped((name, _cell(cell, word)) for name, cell in cells.items()):
            for mark, some in (
                (" (primary)", [name for name in names if name in one.judged.primary]),
                ("", [name for name in names if name not in one.judged.primary]),
            ):
                if some:
                    yield f"- {_names(some)}{mark}: {text}"


def _cell(cell: CellVerdict, word: str) -> str:
    """Write a cell's sentence without the word that heads the group, and what stands beside it."""
    text = cell.sentence.removeprefix(word).removeprefix(": ").strip()
    if cell.note and cell.note not in text:
        text += f" Note: {cell.note}."
    if cell.flags:
        text += f" [{'; '.join(cell.flags)}]"
    return text


def _grouped(told: Iterable[tuple[Cell, str]]) -> list[tuple[str, list[Cell]]]:
    """Join cells of which the same is said, in their order."""
    groups: dict[str, list[Cell]] = {}
    for name, text in told:
        groups.setdefault(text, []).append(name)
    return list(groups.items())


def _names(cells: Sequence[Cell]) -> str:
    return ", ".join(f"{row}/{column}" for row, column in cells)


def _claim(claim: ClaimVerdict) -> str:
    """Write a claim: word, effect, test, and what a reader has to know."""
    text = f"{claim.word}: {claim.better} > {claim.worse} ({claim.metric})"
    if claim.effect is not None and claim.p is not None:
        text += f": {phrases.number(claim.effect, 2, signed=True)}"
        if claim.interval:
            text += f", 95 % interval {phrases.interval(*claim.interval)}"
        sizes = " and ".join(map(str, claim.n))
        text += f", {claim.test} (n = {sizes}), {phrases.p_value(claim.p)}"
        text += f", adjusted {phrases.p_value(claim.p_adjusted)}"
    if claim.ranks is not None and claim.ranks_least is not None:
        text += f"; signed ranks {phrases.p_value(claim.ranks)}"
        text += f" (at least {claim.ranks_least:.3f} with so few)" if _floored(claim) else ""
    if claim.shift is not None:
        text += f", their centre {phrases.number(claim.shift, 2, signed=True)}"
        if claim.shift_interval is not None:
            text += f", {phrases.interval(*claim.shift_interval)}"
    if claim.chances is not None and claim.region is not None:
        worse, same, better = (f"{chance:.2f}" for chance in claim.chances)
        text += f"; chances: better by more than {phrases.number(claim.region, 2)} {better}, "
        text += f"within it {same}, worse {worse}"
    remarks = "; ".join(remark for remark in (claim.reason, claim.note) if remark)
    return text + (f" ({remarks})" if remarks else "")


def _drawn(drawn: Resampled | None) -> str:
    """Say what other test clips would leave of a difference."""
    if drawn is None:
        return ""
    bounds = phrases.interval(drawn.interval.low, drawn.interval.high)
    return f"; test clips drawn again, {drawn.groups} groups: 95 % interval {bounds}"


def _floored(claim: ClaimVerdict) -> bool:
    return claim.ranks_least is not None and claim.ranks_least >= 0.05


def as_json(compared: Sequence[Compared]) -> dict[str, Any]:
    """Return the verdicts as plain data."""
    return {"tables": [_table_json(one) for one in compared]}


def _table_json(one: Compared) -> dict[str, Any]:
    entry, judged = one.plan.entry, one.judged
    return {
        "table": entry.id,
        "paper": entry.paper.short,
        "number": entry.table.number,
        "marks": list(one.marks),
        "warning": marks.warning(one.plan),
        "verdict": asdict(judged.table),
        "said": list(one.said),
        "claims": [
            {**asdict(claim), "clips": asdict(drawn) if drawn else None}
            for claim, drawn in zip(
                judged.claims, one.drawn or (None,) * len(judged.claims), strict=True
            )
        ],
        "comparisons": [asdict(pair) for pair in one.pairs],
        "cells": [_cell_json(cell, one) for cell in one.plan.cells],
    }


def _cell_json(cell: PlannedCell, one: Compared) -> dict[str, Any]:
    name = (cell.row.id, cell.column.id)
    fared = one.fared.get(name)
    return {
        "row": cell.row.id,
        "column": cell.column.id,
        "kind": cell.fields.kind,
        "printed": cell.text,
        "primary": name in one.judged.primary,
        **asdict(one.judged.cells[name]),
        "holds": list(fared.holds) if fared else [],
        "flips": dict(fared.flips) if fared else {},
    }
