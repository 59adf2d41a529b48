"""The stored scores of a record: predictions.npz, read without trusting it."""

import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from repro.records.fields import CONTROL
from repro.records.record import Training

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FILE = "predictions.npz"
ARRAYS = ("ids", "scores", "labels")
# What NumPy raises for a file that was cut off, altered, pickled or is of another kind.
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, EOFError, AttributeError, SyntaxError,
               NotImplementedError, MemoryError, RuntimeError, zipfile.BadZipFile,
               zlib.error)  # fmt: skip


@dataclass(frozen=True)
class Predictions:
    """The scores of what was decided on in a part, and its classes."""

    ids: "Array"  # (items,) bytes
    scores: "Array"  # (items, classes)
    labels: "Array"  # (items,) class numbers, or (items, classes) of 0 and 1

    def names(self) -> list[str]:
        """Return the ids as text."""
        return [item.decode() for item in self.ids]


def load(record: Training) -> dict[str, Predictions]:
    """Return the predictions of each scored part; ValueError in one line where they do not fit.

    They fit if there is what the record's metrics call for: so many finite scores of so many
    classes, with a name and labels each. A record without such metrics has none.
    """
    import numpy as np

    if not (wanted := scored(record)):
        return {}
    try:
        with np.load(record.path / FILE, allow_pickle=False) as stored:
            arrays: dict[str, Array] = {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise ValueError(f"{FILE} is missing") from None
    except OSError as error:
        raise ValueError(f"{FILE} cannot be read: {error.strerror or error}") from None
    except _UNREADABLE as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{FILE} cannot be read: {what}") from None
    names = {f"{part}_{what}" for part in wanted for what in ARRAYS}
    for name in sorted(names ^ arrays.keys()):
        raise ValueError(f"{FILE} {'lacks' if name in names else 'has another array,'} {name}")
    found = {part: Predictions(*(arrays[f"{part}_{what}"] for what in ARRAYS)) for part in wanted}
    for part, made in found.items():
        if problem := _misfit(made, record.part(part).n, record.resolved["classes"]):
            raise ValueError(f"{FILE}, {part}: {problem}")
    return found


def scored(record: Training) -> list[str]:
    """Return the parts whose metrics come from scores."""
    return [
        name
        for name, metrics in record.metrics.items()
        if metrics.n and (metrics.accuracy is not None or metrics.map is not None)
    ]


def _misfit(made: Predictions, n: int, classes: int) -> str:
    """Say what of a part's arrays is not as it has to be; empty where all is."""
    import numpy as np

    ids, scores, labels = made.ids, made.scores, made.labels
    if scores.shape != (n, classes) or scores.dtype.kind != "f":
        return f"scores are {scores.dtype} of shape {scores.shape}, not floats of {(n, classes)}"
    if not np.isfinite(scores).all():
        return "scores are not all finite"
    if labels.shape not in ((n,), (n, classes)) or labels.dtype.kind not in "iu":
        return f"labels are {labels.dtype} of shape {labels.shape}, not class numbers of {n} items"
    if labels.min() < 0 or labels.max() >= (classes if labels.ndim == 1 else 2):
        return f"labels lie in {labels.min()}..{labels.max()}, with {classes} classes"
    if ids.shape != (n,) or ids.dtype.kind != "S":
        return f"ids are {ids.dtype} of shape {ids.shape}, not names of {n} items"
    try:
        names = b"\n".join(ids.tolist()).decode()
    except UnicodeDecodeError:
        return "ids are no UTF-8"
    if names.count("\n") >= n or CONTROL.search(names.replace("\n", "")):
        return "ids hold control characters"
    if (twice := n - len(set(ids.tolist()))) > 0:
        return f"{twice} of {n} ids occur more than once"
    return ""
