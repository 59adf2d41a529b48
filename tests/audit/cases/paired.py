"""A row that is only quoted cannot be paired; one that was trained can."""

from tests.audit.tables import table


def paired(kind: str) -> dict[str, object]:
    columns = {"acc": "test.accuracy", "p": ""}
    cell = {"row": "theirs", "column": "p", "kind": "derived", "derive": "wilcoxon",
            "against": "ours"}  # fmt: skip
    rows = {"theirs": {"kind": kind}}
    return table({"theirs": ["90.1", "0.031"]}, columns, rows=rows, cell=[cell])


FOUND = [paired("cited")]
LEFT = [paired("trained")]
