"""Of 50 to 400 only 87 gives 11, 31, 52, 70 and 85 of 87; one value fits many sizes by chance."""

from tests.audit.tables import ACCURACY, table

TEXTS = {f"s{k}": [f"{100 * k / 87:.2f}"] for k in (11, 31, 52, 70, 85)}
FOUND = [table(TEXTS, ACCURACY, scored=[{"runs": 1, "search": [50, 400]}])]
LEFT = [table({"ours": ["47.31"]}, ACCURACY, scored=[{"runs": 1, "search": [50, 400]}])]
