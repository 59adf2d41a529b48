"""Write where a run fails as text: its classes, groups and worst clips."""

from collections.abc import Iterator
from typing import Any

_MATRIX = 12  # classes up to which the whole matrix is shown; of more the worst confusions
_SHOWN = 10  # groups, clips and confusions that are shown; JSON has all


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Write it as text: the means, each class, the confusions, the groups, the worst clips."""
    if not found:
        return
    yield (f"errors     balanced accuracy {_share(found['balanced_accuracy'])}, macro F1 "
           f"{_share(found['macro_f1'])} (test)")  # fmt: skip
    yield from _table(
        ("class", "right", "of", "recall", "precision", "F1"),
        [(c["class"], c["right"], c["clips"], _share(c["recall"]), _share(c["precision"]),
          _share(c["f1"])) for c in found["classes"]],
    )  # fmt: skip
    names = [c["class"] for c in found["classes"]]
    if len(names) <= _MATRIX:
        yield "confusion  rows: what a clip is; columns: what it is taken for"
        yield from _table(("", *names), [(name, *row) for name, row in
                                         zip(names, found["confusion"], strict=True)])  # fmt: skip
    elif found["mistakes"]:
        yield f"confusion  the most frequent of {len(found['mistakes'])}"
        yield from _table(("is", "taken for", "clips"),
                          [tuple(m.values()) for m in found["mistakes"][:_SHOWN]])  # fmt: skip
    if found["groups"]:
        yield f"groups     the weakest of {len(found['groups'])}"
        yield from _table(("group", "right", "of", "accuracy"),
                          [(g["group"], g["right"], g["clips"], _share(g["right"] / g["clips"]))
                           for g in found["groups"][:_SHOWN]])  # fmt: skip
    if found["worst"]:
        yield f"clips      the worst of {len(found['worst'])} that are wrong"
        yield from _table(
            ("is", "score", "taken for", "score", "clip"),
            [(w["is"], f"{w['score']:.3f}", w["taken_for"], f"{w['its_score']:.3f}", w["clip"])
             for w in found["worst"][:_SHOWN]],
        )  # fmt: skip


def _share(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.2f} %"


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    """Yield rows under a heading; a column is as wide as its widest entry."""
    whole = [head, *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(row[at]) for row in whole) for at in range(len(head))]
    for row in whole:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()
