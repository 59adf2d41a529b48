"""Verdicts that need no margin: divergence, parameter counts, layers, times, text."""

import math
from fractions import Fraction

from repro.plan.planning import PlannedCell, TablePlan
from repro.records.record import TRAINED, Measurement
from repro.spec.printed import Printed
from repro.stats import counts, significance, summary
from repro.verdict import phrases, reduction
from repro.verdict.judgement import CellVerdict
from repro.verdict.reduction import Measured, Reduced, same_device

ALPHA = 0.05
SAME_TIME = (0.8, 1.25)  # ratio of times that counts as equal
FEWEST = 3  # runs, or process starts, that a word takes
OFTEN = 0.5  # share of diverging runs that "/" stands for at least: c = 0 refutes it from n = 5


# ---- what is not ours ------------------------------------------------------------------------


def cited(plan: TablePlan, cell: PlannedCell) -> CellVerdict:
    """Say where a quoted cell comes from, and where its system is trained."""
    fields = cell.fields
    text = f"CITED: quoted from {fields.source or 'another work'}"
    if cell.row.rival in plan.entry.own:
        text += (f"; trained here as {cell.row.rival}, under this table's protocol: no verdict on "
                 "the quoted number")  # fmt: skip
    if fields.same_as:
        text += f"; trained in {fields.same_as}"
    return CellVerdict("CITED", note=fields.test_set or "", sentence=f"{text}.")


def nothing(reason: str, text: str) -> CellVerdict:
    """Give no verdict, and say why."""
    return CellVerdict("NO VERDICT", reason, sentence=f"NO VERDICT: {text}.")


# ---- printed as not converging ---------------------------------------------------------------


def slash(reduced: Reduced) -> CellVerdict:
    """Judge "/", printed where training did not converge: c of n complete runs of ours diverge.

    One bound for every c short of n: what speaks against the print is that surely less than every
    second run diverges, whether some did or none. Fewer than three runs speak for nothing.
    """
    n, diverged = reduced.n_needed, reduced.diverged
    text = f"printed as not converging; {diverged} of {n} of our runs diverged"
    bound = counts.clopper_pearson(diverged, n, 1 - 2 * ALPHA).high
    p: float | None = None
    if n < FEWEST or (not diverged and bound >= OFTEN):
        word, reason = "INCONCLUSIVE", "wide"
    elif bound < OFTEN:
        word, reason = "DIFFERENT", ""
        p = sum(math.comb(n, c) for c in range(diverged + 1)) * 0.5**n
    else:
        word, reason = "REPRODUCED" if diverged == n else "COMPATIBLE", ""
    if diverged < n:
        text += f"; at most {100 * bound:.0f} % diverge (one-sided 95 % bound)"
    return CellVerdict(
        word, reason, sentence=f"{word}: {text}.", n=n, n_done=reduced.n_done, n_needed=n,
        p_different=p,
    )  # fmt: skip


# ---- measured and structural cells -----------------------------------------------------------


def measured(plan: TablePlan, cell: PlannedCell, measurements: Measured) -> CellVerdict:
    """Judge a parameter count, a time or a layer by the record that measures its system."""
    metric = str(cell.fields.metric)
    what, _, rest = metric.partition(".")
    record = reduction.measurement(plan, cell, measurements)
    if what == "latency":
        return _time(cell, record, rest)
    if record is None:
        name = cell.fields.system
        return CellVerdict("NOT RUN", "not measured", sentence=f"NOT RUN: {name} is not measured.")
    found = record.measured
    if what == "parameters":
        others = {f"as built for {name}": n for name, n in found.elsewhere.items()}
        assert found.parameters is not None  # the record that holds them
        return parameters(found.parameters, {**found.counts, **others}, cell)
    return _layer(cell, [found.layers.get(path.strip()) for path in metric.split(" / ")])


def parameters(count: int, others: dict[str, int], cell: PlannedCell) -> CellVerdict:
    """Judge a printed parameter count: ours rounds to it, or a named other count of ours does."""
    printed, unit = cell.printed, scale(cell.column.unit)
    if printed is None:
        return nothing("text", f"{cell.text!r} is no count")
    if rounds_to(count, printed, unit):
        text = f"REPRODUCED: our {count:,} parameters round to the printed {cell.text}."
        return CellVerdict("REPRODUCED", sentence=text)
    ratio = count / (printed.value * unit)
    for name, other in others.items():
        if rounds_to(other, printed, unit):
            text = f"our {count:,} parameters do not round to the printed {cell.text}"
            note = f"{name}: {other:,} do"
            return CellVerdict("COMPATIBLE", note=note, sentence=f"COMPATIBLE: {text}; {note}.")
    text = f"our {count:,} parameters are {float(ratio):.2f} times the printed {cell.text}"
    return CellVerdict("DIFFERENT", sentence=f"DIFFERENT: {text}.", p_different=0.0)


def trained_of(plan: TablePlan, cell: PlannedCell, measurements: Measured) -> str:
    """Say how many parameters of a count of ours are trained, where not all are."""
    if cell.fields.metric != "parameters":
        return ""
    record = reduction.measurement(plan, cell, measurements)
    trained = record.measured.counts.get(TRAINED) if record else None
    return f"{trained:,} of them are trained" if trained else ""


def scale(unit: str) -> int:
    """Return what a column's unit multiplies its numbers by: "10^6" is a million."""
    base, sign, power = unit.partition("^")
    return int(base) ** int(power) if sign else 1


def rounds_to(count: int, printed: Printed, unit: int = 1) -> bool:
    """Tell whether a count rounds (half up, half to even) or is cut off to a printed number."""
    digits = Fraction(count, unit) / printed.unit
    target = printed.value / printed.unit
    return target in (math.floor(digits + Fraction(1, 2)), round(digits), math.floor(digits))


def _layer(cell: PlannedCell, values: list[object]) -> CellVerdict:
    """Judge an entry of a layer table: every path of the cell must have the printed value."""
    texts = dict.fromkeys(_as_printed(value) for value in values)
    target = _as_printed(cell.text)
    if list(texts) == [target]:
        return CellVerdict("REPRODUCED", sentence=f"REPRODUCED: our layer has {cell.text}.")
    ours = ", ".join(texts)  # in the order of the paths, as the cell shows them
    text = f"DIFFERENT: our layer has {ours}, printed {cell.text}."
    return CellVerdict("DIFFERENT", sentence=text, p_different=0.0)


def _as_printed(value: object) -> str:
    """Write a layer's value without what may differ: "(1, 2)", [1, 2]; "4*2*2" is 16."""
    text = str(value).translate({ord(c): None for c in "()[] "})
    factors = text.split("*")
    if all(factor.isdigit() for factor in factors):
        return str(math.prod(map(int, factors)))
    return text


def _time(cell: PlannedCell, record: Measurement | None, length: str) -> CellVerdict:
    """Judge an inference time: only where it was measured on the printed device."""
    medians = record.measured.latency[length] if record else ()
    if cell.printed is None or record is None or not same_device(str(cell.fields.device), record):
        ours = f"ours on {record.device_name}" if record else ""
        where = ours or "ours is not measured on that device"
        text = f"printed for {cell.fields.device or 'a device that is not named'}; {where}"
        sentence = f"NOT COMPARABLE: {text}."
        return CellVerdict("NOT COMPARABLE", "device", note=ours, sentence=sentence)
    if len(medians) < FEWEST:
        text = f"{len(medians)} process starts of ours; {FEWEST} are needed"
        return CellVerdict("INCONCLUSIVE", "wide", sentence=f"INCONCLUSIVE (wide): {text}.")
    logs = [math.log(median / float(cell.printed.value)) for median in medians]
    test = significance.one_sample_t(logs, 0.0, floor=1e-6)
    bounds = test.interval(0.90)
    low, high = math.exp(bounds.low), math.exp(bounds.high)
    if SAME_TIME[0] < low and high < SAME_TIME[1]:
        word, reason = "REPRODUCED", ""
    elif high < SAME_TIME[0] or low > SAME_TIME[1]:
        word, reason = "DIFFERENT", ""
    else:
        word, reason = "INCONCLUSIVE", "wide"
    text = f"{word}: {math.exp(test.difference):.2f} times the printed {cell.text}, 90 % interval "
    text += f"{phrases.interval(low, high)}, equal inside {phrases.interval(*SAME_TIME)}."
    return CellVerdict(word, reason, sentence=text, n=len(medians), p_different=test.p)


# ---- notes beside a mean ---------------------------------------------------------------------


def best_note(reduced: Reduced, fixed: bool) -> str:
    """Say what the best of k folds would be by chance alone."""
    folds = [unit.folds for unit in reduced.units]
    if fixed and len(folds) > 1:
        within = summary.spread_within_folds(folds)
        expected = summary.expected_max(summary.fold_means(folds), within.sd)
    else:
        passes = [summary.summarise_folds(values).expected_best_c4 for values in folds]
        expected = sum(passes) / len(passes)
    return f"the best of {len(folds[0])} folds is expected at {expected:.2f} by chance alone"


def spread_note(printed: Printed, spread: summary.Spread) -> str:
    """Say whether the x of a printed "mean ± x" could be our standard deviation."""
    assert printed.spread is not None
    bounds = summary.sd_interval(spread)
    inside = bounds.low <= float(printed.spread) <= bounds.high
    where = "inside" if inside else "outside"
    text = phrases.interval(bounds.low, bounds.high)
    return f"the printed ±{float(printed.spread):.2f} is {where} the 95 % interval {text} of our SD"
