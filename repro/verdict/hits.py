"""What stored predictions say of a comparison, clip by clip and group by group.

Seeds and splits are one noise, which verdicts speak of; the test clips are another one. Whole
groups (recordings, speakers) are what is drawn or paired, because their clips are alike.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from repro.data import manifest
from repro.plan.planning import PlannedCell, TablePlan
from repro.records import predictions
from repro.spec.schema import Claim
from repro.stats import bootstrap, significance
from repro.stats.bootstrap import Resampled
from repro.stats.significance import TTest
from repro.verdict import reduction, roles
from repro.verdict.reduction import Results, Unit

Hits = Mapping[str, Sequence[bool]]  # by clip: whether each run tested on it is right


def of(units: Sequence[Unit], part: str) -> dict[str, list[bool]] | None:
    """Return for each clip whether a side's runs that are tested on it classify it correctly.

    None where a run keeps no predictions, or its clips have several classes.
    """
    found: dict[str, list[bool]] = {}
    for record in (record for unit in units for record in unit.records):
        try:
            stored = predictions.load(record).get(part)
        except ValueError:
            return None  # `repro runs check` names it
        if stored is None or stored.labels.ndim != 1:
            return None
        right = stored.scores.argmax(axis=1) == stored.labels
        for clip, hit in zip(stored.names(), right.tolist(), strict=True):
            found.setdefault(clip, []).append(hit)
    return found


def groups(cell: PlannedCell, data: Path) -> dict[str, str]:
    """Return the group of every clip of a cell's dataset; empty where its list is not here."""
    source = cell.runs[0].clips
    if source.audio != "local" or not manifest.available(source.dataset, data):
        return {}
    return {clip.id: clip.group or clip.id for clip in manifest.load(source.dataset, data).clips}


def by_group(a: Hits, b: Hits, group_of: Mapping[str, str]) -> TTest | None:
    """Test a minus b in points, paired by the groups that both are tested on.

    A group's value is the mean over all decisions on its clips. None for fewer than two common
    groups, or where every clip is a group.
    """
    sides: list[dict[str, list[bool]]] = []
    for hits in (a, b):
        by: dict[str, list[bool]] = {}
        for clip, each in hits.items():
            by.setdefault(group_of.get(clip, clip), []).extend(each)
        sides.append(by)
    common = sorted(sides[0].keys() & sides[1].keys())
    if len(common) < 2 or len(sides[0]) == len(a):
        return None
    differences = [100 * (fmean(sides[0][g]) - fmean(sides[1][g])) for g in common]
    return significance.one_sample_t(differences, 0.0, floor=1e-6)


def of_claim(plan: TablePlan, claim: Claim, found: Results, data: Path) -> Resampled | None:
    """Draw the groups of test clips of a claim's two sides again; better minus worse, in points.

    None where a side is quoted, not run, or keeps no predictions, and for fewer than ten groups.
    """
    cells = roles.tested(plan, claim)
    part, _, name = claim.metric.partition(".")
    if name != "accuracy" or not all(cell.runs for cell in cells):
        return None
    sides = [of(reduction.reduce(cell, found).units, part) for cell in cells]
    if not sides[0] or not sides[1]:
        return None
    clips = sorted(sides[0].keys() & sides[1].keys())
    group_of = groups(cells[0], data)
    names = [group_of.get(clip, clip) for clip in clips]
    if len(set(names)) < bootstrap.LEAST_GROUPS:
        return None
    differences = [100 * (fmean(sides[0][clip]) - fmean(sides[1][clip])) for clip in clips]
    return bootstrap.group_bootstrap(differences, names)
