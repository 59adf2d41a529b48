"""Judge the comparisons that the text draws from a table: `[[claim]]`, one Holm family a table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from repro.plan.planning import PlannedCell, TablePlan
from repro.spec.schema import Claim
from repro.stats import counts, significance
from repro.verdict import contrast, evidence, hits, margins, phrases, reduction, roles
from repro.verdict.judgement import ClaimVerdict
from repro.verdict.reduction import Reduced, Results, Unit

ALPHA = 0.05
_LEAST_SD = 1e-6  # points; so that equal values of a metric that is no count leave a t


@dataclass(frozen=True)
class _Side:
    """One side of a claim: its cell, and its runs where it is ours."""

    cell: PlannedCell
    reduced: Reduced | None  # None: quoted

    @property
    def units(self) -> tuple[Unit, ...]:
        """The complete units."""
        return self.reduced.units if self.reduced else ()


@dataclass(frozen=True)
class _Tested:
    """What a test says of better minus worse, in points."""

    method: str
    n: tuple[int, ...]
    effect: float
    p: float
    interval: tuple[float, float] | None
    note: str = ""
    beside: contrast.Contrast | None = None


def judge(
    plan: TablePlan,
    found: Results,
    silenced: str = "",
    drawn: Sequence[Claim] | None = None,
) -> tuple[ClaimVerdict, ...]:
    """Judge every declared claim, or those that are `drawn`: one family.

    silenced: why none can be (demo, subset, ...).
    """
    declared = plan.entry.table.claim if drawn is None else drawn
    drafts = [_draft(plan, claim, found, silenced) for claim in declared]
    adjusted = significance.holm([draft.p for draft in drafts]) if drafts else []
    return tuple(
        replace(draft, p_adjusted=p, word=_word(draft, p))
        for draft, p in zip(drafts, adjusted, strict=True)
    )


def difference(better: PlannedCell, worse: PlannedCell, found: Results) -> float | None:
    """Return p of the difference of two cells by the test of a claim; None if there is none.

    A quoted number is a number without noise.
    """
    one, other = (_Side(cell, reduction.reduce(cell, found) if cell.runs else None)
                  for cell in (better, worse))  # fmt: skip
    if _undecided(one, other):
        return None
    quoted = one.reduced is None or other.reduced is None
    tested = _against_quoted(one, other) if quoted else _contrasted(one, other)
    return None if tested is None else tested.p


def _word(draft: ClaimVerdict, p: float) -> str:
    """Confirm or contradict at 5 % by the adjusted p; anything less decides nothing."""
    if draft.effect is None or p >= ALPHA:
        return "UNDECIDED"
    return "CONFIRMED" if draft.effect > 0 else "CONTRADICTED"


def _draft(plan: TablePlan, claim: Claim, found: Results, silenced: str) -> ClaimVerdict:
    """Test one claim; it stays undecided while runs of either side are missing."""
    better, worse = (
        _Side(cell, reduction.reduce(cell, found) if cell.runs else None)
        for cell in roles.tested(plan, claim)
    )
    draft = ClaimVerdict(claim.better, claim.worse, claim.metric, claim.sentence, "UNDECIDED")
    reason = silenced or _undecided(better, worse)
    if reason:
        return replace(draft, reason=reason, test=claim.test)
    tested = _test(claim, better, worse, plan.home.data)
    if tested is None:
        return replace(draft, reason="too few runs for the test", test=claim.test)
    notes = [tested.note] if tested.note else []
    if better.cell.fields.test_set != worse.cell.fields.test_set:
        notes.append("on different test sets")
    return replace(
        draft,
        p=tested.p,
        effect=tested.effect,
        interval=tested.interval,
        test=tested.method,
        n=tested.n,
        note="; ".join(notes),
        **_beside(plan, better.cell, tested.beside),
    )


def _beside(plan: TablePlan, cell: PlannedCell, found: contrast.Contrast | None) -> dict[str, Any]:
    """Return what stands beside the decider: signed ranks, and the chances as a second voice."""
    said: dict[str, Any] = {}
    if found is not None and found.ranks is not None:
        said |= {"ranks": found.ranks.p, "ranks_least": found.ranks.smallest_p}
    if found is not None and found.shift is not None:
        bounds = found.shift.interval
        said |= {"shift": found.shift.estimate}
        said |= {"shift_interval": (bounds.low, bounds.high) if bounds else None}
    if found is not None and found.corrected:
        region = margins.of(plan, cell).value if cell.printed else margins.WIDEST
        told = significance.chances(found.test, region)
        said |= {"region": region, "chances": (told.worse, told.same, told.better)}
    return said


def _undecided(*sides: _Side) -> str:
    """Say why a claim cannot be tested, if it cannot."""
    ours = [side for side in sides if side.reduced is not None]
    for side in ours:
        assert side.reduced is not None
        if not side.reduced.passes:
            return f"{side.cell.fields.system} not run"
        if not side.reduced.complete:
            done = f"{side.reduced.n_done} of {side.reduced.n_needed} runs"
            return f"{side.cell.fields.system}: {done}"
        if side.reduced.diverged:
            return f"{side.cell.fields.system}: some runs diverged"
        if len(side.units) < side.reduced.passes:
            return f"{side.cell.fields.system}: records without {side.cell.fields.metric}"
    if not ours:
        return "both sides are quoted"
    if any(side.reduced is None and side.cell.printed is None for side in sides):
        return "nothing printed to compare with"
    return ""


def _test(claim: Claim, better: _Side, worse: _Side, data: Path) -> _Tested | None:
    """Test better minus worse; None where a side has too few values.

    The declared test fits the declared protocol. Where `--assume` swaps hold-out and folds, the
    runs share something else, and the test that this calls for is named beside the declared one.
    """
    if better.reduced is None or worse.reduced is None:
        return _against_quoted(better, worse)
    if claim.test == "mcnemar":
        return _mcnemar(claim.metric, better, worse, data)
    if claim.test == "one-sample-t":  # declared against a quoted number
        made = _contrasted(better, worse)
        return made and replace(made, note="a rival trained here, in place of its quoted number")
    return _contrasted(better, worse, claim.test if claim.sentence else "")


def _contrasted(better: _Side, worse: _Side, declared: str = "") -> _Tested | None:
    """Test two sides of ours by what their runs share; `declared`: the test that was expected."""
    found = contrast.contrast(*(
        contrast.Side(side.cell, side.units, _floor(side)) for side in (better, worse)
    ))  # fmt: skip
    if found is None:
        return None
    made = "corrected-t" if found.corrected else "welch"
    note = "" if declared in ("", made) else f"{declared} is declared, for another protocol"
    return replace(_told(found.test), note=note, beside=found)


def _against_quoted(better: _Side, worse: _Side) -> _Tested | None:
    """Test our runs against a quoted number."""
    ours, quoted, sign = (better, worse, 1) if better.reduced else (worse, better, -1)
    assert quoted.cell.printed is not None
    if len(ours.units) < 2:
        return None
    values = [sign * unit.value for unit in ours.units]
    against = sign * float(quoted.cell.printed.value)
    test = significance.one_sample_t(values, against, floor=_floor(ours))
    return replace(_told(test), note="their noise unknown")


def _mcnemar(metric: str, better: _Side, worse: _Side, data: Path) -> _Tested | None:
    """Test one run of each on the same clips, from their stored predictions.

    Beside it stands the exact test that flips the signs of whole groups (recordings, speakers).
    """
    if (len(better.units), len(worse.units)) != (1, 1):
        return None
    correct = [hits.of(side.units, metric.partition(".")[0]) for side in (better, worse)]
    if not correct[0] or not correct[1] or correct[0].keys() != correct[1].keys():
        return None
    clips = sorted(correct[0])
    a, b = ([found[clip][0] for clip in clips] for found in (correct[0], correct[1]))
    test = counts.mcnemar(*counts.discordant(a, b))
    effect = 100 * (test.only_a - test.only_b) / len(clips)
    note = "clips of one recording are taken as independent"
    group_of = hits.groups(better.cell, data)
    names = [group_of.get(clip, clip) for clip in clips]
    if len(set(names)) < len(clips):
        by_group = counts.group_sign_flip(a, b, names)
        note += f"; by the {by_group.groups} groups that differ {phrases.p_value(by_group.p)}"
    return _Tested("McNemar", (len(clips),), effect, test.p, None, note)


def _floor(side: _Side) -> float:
    return max(evidence.floor(side.cell, side.units), _LEAST_SD)


def _told(test: significance.TTest) -> _Tested:
    interval = test.interval()
    return _Tested(test.method, test.n, test.difference, test.p, (interval.low, interval.high))


def summary(claims: Sequence[ClaimVerdict]) -> str:
    """Say how many claims are confirmed, undecided and contradicted."""
    if not claims:
        return "no claim declared"
    words = [claim.word for claim in claims]
    parts = [
        f"{words.count(word)} {word.lower()}"
        for word in ("CONFIRMED", "UNDECIDED", "CONTRADICTED")
        if words.count(word)
    ]
    plural = "claim" if len(claims) == 1 else "claims"
    return f"{len(claims)} {plural}: {', '.join(parts)}"
