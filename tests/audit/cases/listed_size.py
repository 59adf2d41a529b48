"""48.67 is 292 of 600 and no share of 200 (97 are 48.50); 48.50 is 97 of 200 and 291 of 600."""

from tests.audit.tables import ACCURACY, table

LISTED = [{"sizes": [{"n": [200, 600], "origin": "one of these"}]}]
FOUND = [table({"ours": ["48.67"]}, ACCURACY, scored=LISTED)]
LEFT = [table({"ours": ["48.50"]}, ACCURACY, scored=LISTED)]
