"""Answers about a user's own numbers: the same functions that the audit of tables uses."""

import json
import re
from dataclasses import dataclass
from typing import Any

from repro.audit import granularity, inversion, plattice, spreads
from repro.audit.findings import either, listing, plural, ranges
from repro.audit.granularity import DEFAULT, READINGS
from repro.audit.groups import CONVINCING
from repro.audit.plattice import NULLS, Null
from repro.audit.rules.listed_size import TRIED
from repro.spec.printed import Printed, parse

MOST = 20  # pairs tried where their number is not given
_P = re.compile(r"^\s*p\s*(?:=\s*|(?=[<>]))", re.IGNORECASE)  # "p = .03", "p<.001"
_BRACKET = re.compile(r"\((\d+)\)\s*%?\s*$")


@dataclass(frozen=True)
class Answer:
    """What is printed, and the same as data."""

    lines: tuple[str, ...]
    data: dict[str, Any]

    def as_json(self) -> str:
        """Return the data as JSON."""
        return json.dumps(self.data, indent=1, ensure_ascii=False)


def number(text: str, fraction: bool = False) -> Printed:
    """Read a printed number; one in 0..1 is turned into percent if so asked."""
    if text.startswith("--"):
        raise ValueError(f"unknown option {text!r}")
    found = parse(text)
    if found is None:
        either = _BRACKET.search(text)
        hint = (
            f"({either[1]}) may be ± {either[1]} or that many of the last digit: write it out"
            if either
            else "write it as 75.4, 95.6 ± 0.4 or 2.2e-1"
        )
        raise ValueError(f"not a number as printed: {text!r} ({hint})")
    return found.times(100) if fraction else found


def accuracy(text: str, sizes: list[int], runs: int, fraction: bool) -> Answer:
    """Test one accuracy on each size."""
    value = number(text, fraction)
    if value.bound:
        raise ValueError(f"an accuracy, not a bound: {text!r}")
    granularity.check_percent(value)
    if any(n < 1 for n in sizes) or runs < 1:
        granularity.check_sizes(min(sizes), runs)
    lines, data = [], []
    for n in sizes:
        more, found = _on(value, text, n, runs)
        lines += more
        data.append(found)
    if any(not found["attainable"] or found.get("spread") == {} for found in data):
        lines.insert(0, granularity.NO_LATTICE)
    if value.value <= 1 and not fraction and value.value > 0:
        lines.append(f"{text} was read as {text} %; --fraction reads it as a share.")
    return Answer(tuple(lines), {"printed": text, "runs": runs, "sizes": data})


def _on(value: Printed, text: str, n: int, runs: int) -> tuple[list[str], dict[str, Any]]:
    """Test an accuracy on one size."""
    applying = granularity.readings_of(value, runs)
    survivors = granularity.surviving(value, n, runs)
    rounded = {r: granularity.chance(n, r, value.decimals) for r in (runs, *TRIED)}
    passing = granularity.chance_of_any(value, n, runs)
    fitting = [r for r in granularity.run_counts(value, n, TRIED) if rounded[r] < 1]
    silent = [r for r in TRIED if rounded[r] >= 1]
    lines = [
        f"{_verdict(value, text, n, runs)}.",
        f"  A random value would pass under some reading with chance {passing:.2g}. Up to "
        f"{TRIED[-1]} runs, the rounded means that fit: {ranges(fitting)}"
        + (f"; any value fits from {plural(silent[0], 'run')} on." if silent else "."),
    ]
    if DEFAULT not in survivors:
        lines.append(f"  Around it: {granularity.around(value, n * runs)}.")
    data = {
        "n": n,
        "chance": passing,
        "chance_rounded": rounded[runs],
        "no_information": rounded[runs] >= 1,
        "attainable": DEFAULT in survivors,
        "impossible": not survivors,
        "survives": [str(reading) for reading in survivors],
        "readings": [str(reading) for reading in applying],
        "runs_that_fit": fitting,
    }
    spread = value.spread_printed
    if spread is not None:
        more, found = _spread(value, spread, n, runs)
        return [*lines, *more], {**data, "spread": found}
    return lines, data


def _verdict(value: Printed, text: str, n: int, runs: int) -> str:
    """Say whether the accuracy is attainable."""
    survivors = granularity.surviving(value, n, runs)
    means = f"the mean of {plural(runs, 'run')} on" if runs > 1 else "a share of"
    what = f"{means} {plural(n, 'decision')}"
    if granularity.chance(n, runs, value.decimals) >= 1:
        return f"{text} as {what}: no information; every value with so few decimals is"
    if DEFAULT in survivors:
        correct = ranges(granularity.counts(value, n * runs))
        return f"{text} as {what}: attainable, {correct} of {n * runs:,} correct"
    if survivors:
        return f"{text} as {what}: attainable only as a {' or a '.join(map(str, survivors))}"
    readings = len(granularity.readings_of(value, runs))
    return f"If {text} is {what}, it is impossible: of the {readings} readings tried, none gives it"


def _spread(
    value: Printed, spread: Printed, n: int, runs: int
) -> tuple[list[str], dict[spreads.Meaning, str] | None]:
    """Say what the x of mean ± x can be, with runs that print it."""
    if runs < 2:
        return ["  A spread needs --runs of 2 or more."], None
    fits = spreads.fits(value, spread, n, runs)
    found = {f.meaning: f.how for f in fits}
    if not fits:
        return [
            f"  With this mean, ± {_plain(spread)} is impossible for {plural(runs, 'run')} of "
            f"{n:,}: as {either(spreads.MEANINGS)}, it has no runs."
        ], {}
    never = [m for m in spreads.MEANINGS if m not in found]
    no = f"; not {' or '.join(never)}" if never else ""
    lines = [f"  ± can be: {listing([f'{f.meaning} ({f.how})' for f in fits])}{no}."]
    for fit in fits:
        for one in spreads.examples(value, spread, n, runs, fit.meaning, most=1):
            shown = listing([f"{100 * k / n:g}" for k in one])
            lines.append(f"  {fit.meaning}, for example: {shown}.")
    return lines, found


def _plain(number: Printed) -> str:
    return f"{float(number.value):.{number.decimals}f}"


def p_value(text: str, n: int | None) -> Answer:
    """Say which numbers of pairs give a p, or how many a bound needs."""
    text = _P.sub("", text)
    value = number(text)
    plattice.check_p(value, n)
    if value.bound == ">":
        raise ValueError(f"a p-value or an upper bound, not {text!r}")
    if value.bound:
        alone = {str(null): plattice.smallest_n(value, null) for null in NULLS}
        return Answer(
            tuple(f"p {text}: {name} needs n >= {least} pairs" for name, least in alone.items()),
            {"printed": text, "smallest_n": alone},
        )
    return _one_p(value, text, n) if n is not None else _any_p(value, text)


def _one_p(value: Printed, text: str, n: int) -> Answer:
    """Say how n pairs give a p."""
    lines = [f"p = {text} from {plural(n, 'pair')}, without ties or zeros unless said so:"]
    data: dict[str, Any] = {}
    for null in NULLS:
        by_how = {how: plattice.hits(value, n, null, how) for how in plattice.HOWS}
        said = [
            f"W = {hit.w:g} (p = {hit.p:.5f}" + (f", {how})" if how != "rounded" else ")")
            for how, hits in by_how.items()
            for hit in hits
            if how == "rounded" or not by_how["rounded"]
        ]
        lines.append(f"  {null}: {listing(said) or 'no'}")
        data[str(null)] = {how: [[hit.w, hit.p] for hit in hits] for how, hits in by_how.items()}
    if n <= plattice.MOST_TIED:
        tied = plattice.tied_hit(value, n)
        sharing = " + ".join(map(str, tied.tied)) if tied else ""
        said_tied = (
            f"W = {tied.w:g} (p = {tied.p:.5f}), ranks shared by {sharing}" if tied else "no"
        )
        lines.append(f"  exact (two-sided) with ties, for example: {said_tied}")
        data["ties"] = [tied.w, tied.p, list(tied.tied)] if tied else None
    return Answer(tuple(lines), {"printed": text, "n": n, "nulls": data})


def _any_p(value: Printed, text: str) -> Answer:
    """Say which numbers of pairs give a p."""
    by_null = {str(null): plattice.common_n([value], null, most=MOST) for null in NULLS}
    tied = [n for n in range(2, plattice.MOST_TIED + 1) if plattice.tied_hit(value, n) is not None]
    lines = [f"p = {text}, n up to {MOST}:"]
    lines += [f"  {name}: n = {ranges(ns)}" for name, ns in by_null.items()]
    lines.append(f"  exact (two-sided) with ties, n up to {plattice.MOST_TIED}: n = {ranges(tied)}")
    exact = by_null[str(Null())]
    return Answer(
        tuple(lines), {"printed": text, "n": by_null, "tied": tied, "smallest": exact[:1]}
    )


def sizes(texts: list[str], runs: int, low: int, high: int, fraction: bool) -> Answer:
    """Search the sizes that give all accuracies."""
    values = [number(text, fraction) for text in texts]
    found = inversion.search(values, runs, low, high)
    near = sorted(set(found.misses) - set(found.fits))
    lines = [
        f"{plural(len(values), 'accuracy', 'accuracies')} as rounded means of "
        f"{plural(runs, 'run')}, n from {low:,} to {high:,}:",
        f"  n = {ranges(found.fits)} gives all; {found.expected:.2g} expected by chance "
        f"({found.jittered:.2g} with jittered values), as many or more with P = {found.p:.2g}.",
        f"  {plural(len(near), 'more size misses', 'more sizes miss')} one or two values"
        + (f": {ranges(near)}." if len(near) <= 12 else "."),
    ]
    if found.expected >= CONVINCING:
        lines.append("  Too many fit by chance to name a size.")
    for n in found.fits[:6]:
        total = n * runs
        split = [f"{r} x {m:,}" for r, m in inversion.factors(total)]
        lines.append(f"  N = {total:,} decisions behind a mean = {', '.join(split)}.")
    other = {
        str(reading): inversion.sizes_under(values, runs, low, high, reading)
        for reading in READINGS
        if not reading.padded and reading != DEFAULT and (runs > 1 or reading.values == "exact")
        and found.expected < CONVINCING
    }  # fmt: skip
    lines += [f"  {name}: n = {ranges(fits)}." for name, fits in other.items()]
    data = {
        "printed": texts, "runs": runs, "low": low, "high": high, "fits": list(found.fits),
        "expected": found.expected, "jittered": found.jittered, "p": found.p,
        "within_two_misses": near, "other_readings": other,
    }  # fmt: skip
    return Answer(tuple(lines), data)
