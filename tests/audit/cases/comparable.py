"""A row of another test set is not comparable to its column; one that names none is."""

from tests.audit.tables import ACCURACY, table

ROWS = {"ours": ["90.1"], "theirs": ["95.0"]}
FOUND = [table(ROWS, ACCURACY, rows={"theirs": {"test_set": "ten classes, not 35"}})]
LEFT = [table(ROWS, ACCURACY)]
