"""Reproduce the result tables of four audio-classification papers.

The files here are the ground: errors, places, seeds, identity and atomic writes, which every room
may use, and which use nothing of the package but each other. Each folder is a room: its docstring
says which question it answers and which rooms it may import, and a test holds it to that. The two
functions below are the door for notebooks; `import repro` alone loads no room.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__version__ = "0.1.0"


def frame(
    table: str | None = None, *, home: str | Path | None = None, **request: Any
) -> "pd.DataFrame":
    """Return every cell of a table, or of all tables, as a DataFrame: the columns of `repro cells`.

    request: as the options of `repro table`: profile ("full", "demo"), data ("local",
    "generated"), on, protocol, subset, folds and seeds (a list, or "1,2,10"), only, assume and set
    (values by key, or "KEY=VALUE"), with_rivals, execution.
    value, ours, spread and delta are float64 (NaN: none), n_done, n_needed and diverged int64, all
    else string. Nothing is trained. UserError for what the command refuses.
    """
    from repro.render import frames

    return frames.cells([table] if table else [], home, **request)


def ledger(*, home: str | Path | None = None) -> "pd.DataFrame":
    """Return the recorded trainings as a DataFrame, one row a record.

    What a run is (run, execution, system, dataset, protocol, fold, seed), what came out (status,
    valid_ and test_ accuracy, auc, map as shares of one, n clips, best_epoch), what it took
    (epochs, parameters, seconds, device, torch, finished) and its folder (path). Accuracies are
    NaN where clips have several classes, mAP where they have one.
    """
    from repro.render import frames

    return frames.runs(home)
