"""Read what `repro models measure` recorded for a cell: parameters, layers, times."""

from statistics import median

from repro.plan.planning import PlannedCell, TablePlan
from repro.verdict import reduction
from repro.verdict.reduction import Measured
from repro.verdict.special import scale


def value(plan: TablePlan, planned: PlannedCell, measured: Measured) -> float | str | None:
    """Return a cell's measurement in its printed unit; None where there is none.

    Parameters are counted in the column's unit, times are the median over process starts in
    milliseconds, layers are text as the model names it.
    """
    record = reduction.measurement(plan, planned, measured)
    if record is None:
        return None
    metric, found = str(planned.fields.metric), record.measured
    what, _, rest = metric.partition(".")
    if what == "parameters":
        return float(found.parameters or 0) / scale(planned.column.unit)
    if what == "latency":
        return float(median(found.latency[rest]))
    entries = [found.layers.get(path.strip()) for path in metric.split(" / ")]
    return ", ".join(dict.fromkeys(str(entry) for entry in entries))
