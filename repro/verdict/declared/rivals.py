"""Compare the systems of a table with one another where no paper does: on other data, or yours.

Every comparison is declared by asking: on other data each pair of systems, in a printed table the
user's own against each of the paper's. They are one Holm family of their own, and no verdict.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from repro.data.clips import ClipSource
from repro.plan.planning import PlannedCell, TablePlan
from repro.records import predictions
from repro.records.record import Training
from repro.spec.entry import Reported
from repro.spec.schema import Claim
from repro.stats import significance, summary
from repro.verdict import claims, contrast, evidence, judge, reduction
from repro.verdict.judgement import ClaimVerdict
from repro.verdict.reduction import Results

_FLOOR = 1e-6  # points: the least spread, so that equal differences leave a t


def compare(plan: TablePlan, found: Results) -> tuple[ClaimVerdict, ...]:
    """Test each pair on each metric of the test clips; empty where nothing may be said.

    Generated audio says nothing about which system is better on real clips.
    """
    entry = plan.entry
    asked = entry.on or entry.own or entry.reported
    if not asked or plan.request.audio == "generated":
        return ()
    return (*claims.judge(plan, found, drawn=list(_pairs(plan))), *_told_against(plan, found))


def _told_against(plan: TablePlan, found: Results) -> Iterator[ClaimVerdict]:
    """Compare what the user reports with each system, in pairs where the splits are the same.

    Scores tell by their clips whether they are; of bare numbers seed and fold are taken at the
    user's word. A family of their own, by Holm.
    """
    drafts = [
        _against(one, metric, cell, found)
        for one in plan.entry.reported
        for metric, cell in _tested(plan).items()
    ]
    adjusted = significance.holm([draft.p for draft in drafts]) if drafts else []
    for draft, p in zip(drafts, adjusted, strict=True):
        word = "UNDECIDED"
        if draft.effect is not None and p < claims.ALPHA:
            word = "CONFIRMED" if draft.effect > 0 else "CONTRADICTED"
        yield replace(draft, p_adjusted=p, word=word)


def _tested(plan: TablePlan) -> dict[tuple[str, str], PlannedCell]:
    """Return the trained cells of the primary metrics, by metric and system."""
    primary = _primary(plan)
    return {
        (str(cell.fields.metric), str(cell.fields.system)): cell
        for cell in plan.cells
        if cell.fields.kind == "trained" and str(cell.fields.metric) in primary
    }


def _against(one: Reported, at: tuple[str, str], cell: PlannedCell, found: Results) -> ClaimVerdict:
    """Test reported minus ours over the seeds and folds that both have."""
    metric, system = at
    draft = ClaimVerdict(one.system, system, metric, "", "UNDECIDED")
    mine = one.values.get(metric, {})
    pairs: list[tuple[float, float, Training]] = []
    for run in cell.runs:
        place, record = (run.seed, run.clips.fold + 1), found[run.id]
        value = None if record is None else reduction.value_of(record, metric)
        if record is None or value is None or place not in mine:
            continue
        if one.clips and one.clips.get(place) != _clips(record):
            return replace(draft, reason=f"seed {place[0]}, fold {place[1]}: other test clips")
        pairs.append((mine[place], value, record))
    if len(pairs) < 2:
        return replace(draft, reason=f"{len(pairs)} seeds and folds that both have")
    records = [record for *_, record in pairs]
    differences = [a - b for a, b, _ in pairs]
    note = "" if one.clips else "your seeds and folds are taken at your word"
    if evidence.folds(cell) > 1 or evidence.resplit(cell):
        test = significance.corrected_t(differences, *contrast.sizes(records), floor=_FLOOR)
    else:
        a, b = (
            summary.estimate_runs(values, floor=_FLOOR)
            for values in ([pair[0] for pair in pairs], [pair[1] for pair in pairs])
        )
        test = significance.difference_t("Welch t", a, b, (len(pairs), len(pairs)))
    interval = test.interval()
    return replace(
        draft, p=test.p, effect=test.difference, interval=(interval.low, interval.high),
        test=test.method, n=test.n, note=note,
    )  # fmt: skip


def _clips(record: Training) -> frozenset[str]:
    """Return the clips that a run is tested on; none where it keeps no predictions."""
    try:
        stored = predictions.load(record).get("test")
    except ValueError:
        return frozenset()
    return frozenset(stored.names() if stored is not None else ())


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


def as_printed(plan: TablePlan, one: ClaimVerdict) -> str:
    """Say whether a rival stands to a system of the paper as the two printed numbers do.

    Empty where nothing printed is compared: a word for the order alone, as protocols differ.
    """
    if plan.entry.on or judge.silence(plan):
        return ""
    texts: dict[str, PlannedCell] = {}
    for cell in plan.cells:
        name = cell.row.rival if cell.row.rival in plan.entry.own else cell.fields.system
        if cell.fields.metric == one.metric and cell.printed is not None and (
            cell.fields.kind in ("trained", "cited")
        ):  # fmt: skip
            texts.setdefault(str(name), cell)
    a, b = texts.get(one.better), texts.get(one.worse)
    if a is None or b is None or "cited" not in (a.fields.kind, b.fields.kind):
        return ""
    assert a.printed is not None
    assert b.printed is not None
    printed = f"printed {a.text} against {b.text}"
    if one.word == "UNDECIDED":
        return f"{printed}: their order is not decided here"
    sign = 1 if one.word == "CONFIRMED" else -1
    same = sign * (a.printed.value - b.printed.value) > 0
    return f"{printed}: {'the same order' if same else 'another order'}"


def told(one: ClaimVerdict, printed: str = "") -> str:
    """Say a comparison in a line: the difference, the test, its p, and what p can be at least.

    printed: what is said of the order of the printed numbers.
    """
    pair = f"{one.better} against {one.worse}, {one.metric}"
    if one.effect is None or one.p is None:
        return f"{pair}: not compared ({one.reason})."
    low, high = one.interval or (None, None)
    between = "" if low is None else f" (95 % interval {low:+.2f} to {high:+.2f})"
    number = " and ".join(map(str, one.n)) or "?"
    text = f"{pair}: {one.effect:+.2f} points{between}; {one.test}, n = {number}, "
    text += f"p = {one.p:.4f}" if one.p >= 1e-4 else "p < 0.0001"
    text += f", by Holm {one.p_adjusted:.4f}" if one.p_adjusted != one.p else ""
    if one.ranks is not None and one.ranks_least is not None:
        text += (
            f"; signed ranks p = {one.ranks:.4f}, at least {one.ranks_least:.4f} with these pairs"
        )
    verdicts = {"CONFIRMED": f"{one.better} is better", "CONTRADICTED": f"{one.worse} is better"}
    note = f" ({one.note})" if one.note else ""
    end = f"; {printed}" if printed else ""
    return f"{text}: {verdicts.get(one.word, 'no difference is shown')}{note}{end}."


def by_fold(plan: TablePlan, found: Results) -> list[str]:
    """Say what each fold of other data gives, the mean over seeds: where a system is weak."""
    lines = []
    for cell in plan.cells if plan.entry.on else ():
        tested = cell.runs and str(cell.fields.metric).startswith("test.")
        units = reduction.reduce(cell, found).units if tested else ()
        if units and len(units[0].folds) > 1:
            means = summary.fold_means([unit.folds for unit in units])
            names = [ClipSource.from_dict(record.clips).fold_name for record in units[0].records]
            each = ", ".join(f"{value:.2f} ({n})" for n, value in zip(names, means, strict=True))
            lines.append(f"By fold, {cell.fields.system}, {cell.fields.metric}: {each}.")
    return lines
