"""Without a validation part a best epoch is the best on test; the last one needs no choice."""

from tests.audit.tables import ACCURACY, stated, table

PARTS = {"parts": ["train", "test"]}
FOUND = [table({"ours": ["75.7"]}, ACCURACY, scored=stated(144, **PARTS, epoch="best"))]
LEFT = [table({"ours": ["75.7"]}, ACCURACY, scored=stated(144, **PARTS, epoch="last"))]
