"""How runs trained, in words: steps, last loss, and what speaks against their length."""

from collections.abc import Iterator, Sequence

from repro.records import learning
from repro.records.learning import Learning
from repro.records.record import Training

_NAMED = 3  # runs
_Went = list[tuple[Training, Learning]]


def lines(used: Sequence[Training]) -> Iterator[str]:
    """Say of each system how long its runs trained, how far they came, and what speaks against."""
    by_system: dict[str, _Went] = {}
    for record in used:
        by_system.setdefault(record.system, []).append((record, learning.of(record)))
    for system, went in by_system.items():
        steps = [one.steps for _, one in went if one.steps]
        losses = [one.loss for _, one in went if one.loss is not None]
        told = [f"{span(steps)} steps a run"] if steps else []
        told += [f"last training loss {span(losses, '{:.3g}')}"] if losses else []
        if told:
            yield f"Learning of {system}: {'; '.join([', '.join(told), *doubts(went)])}."


def doubts(went: _Went) -> Iterator[str]:
    """Say what speaks against the length of some runs, and in which of them it does."""
    for doubt in dict.fromkeys(text for _, one in went for text in one.doubts):
        yield f"{doubt} {_in([record for record, one in went if doubt in one.doubts], went)}"


def span(values: Sequence[float], form: str = "{:,}") -> str:
    """Write the least and the largest of some values, once where they are one."""
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low} to {high}"


def _in(which: Sequence[Training], of: _Went) -> str:
    """Say in how many runs of how many, and name the first ones."""
    if len(which) == len(of):
        return f"in {len(of)} of {len(of)} runs"
    named = ", ".join(record.run for record in which[:_NAMED])
    more = f" and {len(which) - _NAMED} more" if len(which) > _NAMED else ""
    return f"in {len(which)} of {len(of)} runs ({named}{more})"
