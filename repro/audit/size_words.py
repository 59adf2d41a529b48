"""How the search for the size of a split reads."""

from __future__ import annotations

from typing import Any

from repro.audit.findings import either, listing, plural
from repro.audit.granularity import READINGS
from repro.audit.groups import Group
from repro.audit.inversion import Search, expected_fits

FEW = 6  # longer lists of sizes are only counted
Listed = dict[int, dict[str, Any]]
Columns = dict[str, dict[str, list[int]]]


def computation(
    group: Group,
    searches: list[Search],
    totals: Search,
    columns: Columns,
    listed: Listed,
    readings: dict[str, list[int]],
) -> tuple[str, ...]:
    """Return the lines of the computation."""
    end = searches[0].high
    return (
        _totals(group, totals),
        *(_search(search) for search in searches),
        *_columns(columns),
        _misses(searches),
        *_listed(group, listed),
        *(f"{name}, n up to {end:,}: {_sizes(fits)}" for name, fits in readings.items()),
    )


def survives(first: Search, readings: dict[str, list[int]], listed: Listed) -> tuple[str, ...]:
    """Return the readings under which other sizes than those found give all values."""
    others = {name: fits for name, fits in readings.items() if fits and fits != [*first.fits]}
    by_size = {n: detail["joint_readings"] for n, detail in listed.items() if n not in first.fits}
    return (
        *(f"{name}: n = {_sizes(fits)}" for name, fits in others.items()),
        *(f"n = {n:,}: {either(names)}" for n, names in by_size.items() if names),
    )


def sentence(group: Group, searches: list[Search], listed: Listed, size: int | None) -> str:
    """Return what may be said: the size where one is found, else what is excluded."""
    if size is not None:
        return _named(group, searches[0], listed, size)
    never = [f"{n:,}" for n, detail in listed.items() if not detail["joint_readings"]]
    last = searches[-1]
    usable = sum(not reading.padded for reading in READINGS)
    excluded = (
        f"no one reading of {usable} gives all {len(group.values)} accuracies, as means of "
        f"{plural(group.runs, 'run')}, on {either(never)} decisions. "
        if never
        else ""
    )
    return (
        f"{group.name}: {excluded}Of all sizes from {last.low:,} to {last.high:,}, "
        f"{len(last.fits)} fit as rounded means where {last.expected:.2f} are expected by chance "
        f"(P = {last.p:.3f}): too weak to name a size."
    )


def _named(group: Group, first: Search, listed: Listed, n: int) -> str:
    origins = [size.origin for m, size in group.sizes if m == n]
    said = f" ({origins[0]})" if origins else ""
    others = [m for m in listed if m != n and listed[m]["missed"]]
    chance = expected_fits(group.values, group.runs, list(listed))
    no_other = (
        f" None of the other {len(others)} listed sizes gives them all ({chance:.1g} expected "
        f"among all {len(listed)})."
        if others
        else ""
    )
    return (
        f"{group.name}: all {len(group.values)} accuracies, as rounded means of "
        f"{plural(group.runs, 'run')}, fit N = {n * group.runs:,} = {group.runs} x {n:,} "
        f"decisions{said} and no other size up to {first.high:,}, where {first.expected:.1g} fits "
        f"are expected by chance.{no_other} This shows the size of the split; how its clips were "
        "drawn, and whether related clips were kept apart, it does not show."
    )


def _totals(group: Group, totals: Search) -> str:
    named = [
        f"{total:,} = {group.runs} x {total // group.runs:,}"
        for total in totals.fits
        if total % group.runs == 0
    ]
    found = f"{len(totals.fits)} N" if len(totals.fits) > FEW else f"N = {_sizes(totals.fits)}"
    of_runs = f"; as {plural(group.runs, 'run')}, {listing(named)}" if named else ""
    return (
        f"decisions behind a mean, N in {totals.low:,}..{totals.high:,}: {found} fit all "
        f"{len(group.values)} values as rounded means{of_runs}"
    )


def _search(search: Search) -> str:
    return (
        f"n = N/{search.runs} in {search.low:,}..{search.high:,}: {_sizes(search.fits)}; "
        f"{search.expected:.2g} expected by chance ({search.jittered:.2g} with jittered values), "
        f"as many or more with P = {search.p:.2g}"
    )


def _columns(columns: Columns) -> list[str]:
    return [
        f"{metric} alone, n up to {int(end):,}: {_sizes(fits)}"
        for metric, by_end in columns.items()
        for end, fits in list(by_end.items())[-1:]
        if len(fits) <= FEW
    ]


def _misses(searches: list[Search]) -> str:
    said = []
    for search in searches[:2]:
        near = sorted(set(search.misses) - set(search.fits))
        said.append(f"n up to {search.high:,}: {_sizes(near)}")
    return f"sizes that miss one or two of the values: {'; '.join(said)}"


def _listed(group: Group, listed: Listed) -> list[str]:
    """Write the listed sizes, those of one origin in a line, and what would rescue a near miss."""
    lines = []
    total = len(group.values)
    for size in group.scored.sizes:
        parts, rescued = [], []
        for n in size.n:
            missed, joint = listed[n]["missed"], listed[n]["joint_readings"]
            part = f"{n:,} misses {len(missed)} of {total}" if missed else f"{n:,} fits"
            if missed and joint:
                part += f" (all pass as {either(joint)})"
            parts.append(part)
            if missed and 2 * len(missed) <= total and not joint and len(size.n) == 1:
                rescued = [
                    f"{text} on {n:,}: " + (f"only as {either(names)}" if names else "never")
                    for text, names in listed[n]["readings_of_missed"].items()
                ]
        lines += [f"{size.origin}: {'; '.join(parts)}", *rescued]
    return lines


def _sizes(values: list[int] | tuple[int, ...]) -> str:
    if len(values) > FEW:
        return f"{len(values)} sizes"
    return listing([f"{value:,}" for value in values]) or "none"
