"""51 ± 2 against 47.1 ± 1.5: with 3 runs each p = .059, with 5 p = .009 (statistics.md 2.3 g)."""

from tests.audit.tables import ACCURACY, stated, table

CLAIM = {
    "better": "with", "worse": "without", "metric": "test.accuracy", "sentence": "it helps",
    "test": "welch",
}  # fmt: skip
ROWS = {"with": ["51.00 ± 2.00"], "without": ["47.10 ± 1.50"]}
FOUND = [table(ROWS, ACCURACY, scored=stated(200, 3), claim=[CLAIM])]
LEFT = [table(ROWS, ACCURACY, scored=stated(200, 5), claim=[CLAIM])]
