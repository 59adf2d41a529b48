"""129 and 122 of 200 have p = .53 by Fisher's test; 160 and 122 have p < .0001."""

from tests.audit.tables import ACCURACY, stated, table

CLAIM = {
    "better": "ours", "worse": "theirs", "metric": "test.accuracy", "sentence": "ours is better",
    "test": "mcnemar",
}  # fmt: skip
FOUND = [
    table({"ours": ["64.50"], "theirs": ["61.00"]}, ACCURACY, scored=stated(200), claim=[CLAIM])
]
LEFT = [
    table({"ours": ["80.00"], "theirs": ["61.00"]}, ACCURACY, scored=stated(200), claim=[CLAIM])
]
