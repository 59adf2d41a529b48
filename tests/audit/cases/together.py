"""90 of 100 correct, ten clips a class: the mean recall is 90 %, whatever the errors."""

from tests.audit.tables import stated, table

BOTH = {"acc": "test.accuracy", "uar": "test.recall"}
SCORED = stated(100, classes=[10] * 10)
FOUND = [table({"ours": ["90.0", "80.0"]}, BOTH, scored=SCORED)]
LEFT = [table({"ours": ["90.0", "90.0"]}, BOTH, scored=SCORED)]
