"""70.0 - 60.0 is 10.0, at most 10.1: 12 is another number, 10 is not."""

from tests.audit.tables import ACCURACY, said, table

ROWS = {"ours": ["70.0"], "theirs": ["60.0"]}
FOUND = [
    table(
        ROWS, ACCURACY, arithmetic=[said("difference", ["ours/acc"], ["theirs/acc"], claimed="12")]
    )
]
LEFT = [
    table(
        ROWS, ACCURACY, arithmetic=[said("difference", ["ours/acc"], ["theirs/acc"], claimed="10")]
    )
]
