"""On validation b is better by .58, on test a by .15; within rounding (95.1, 95.1) no order."""

from tests.audit.tables import table

BOTH = {"v": "valid.accuracy", "t": "test.accuracy"}
FOUND = [table({"a": ["95.61", "95.19"], "b": ["96.19", "95.04"]}, BOTH)]
LEFT = [table({"a": ["95.61", "95.1"], "b": ["96.19", "95.1"]}, BOTH)]
