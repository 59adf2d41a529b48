"""Two runs of 10: 40 and 60 are 50.0 ± 14.1 as a sample SD; ± 2.0 is no spread of any two."""

from tests.audit.tables import ACCURACY, stated, table

FOUND = [table({"ours": ["50.0 ± 2.0"]}, ACCURACY, scored=stated(10, 2))]
LEFT = [table({"ours": ["50.0 ± 14.1"]}, ACCURACY, scored=stated(10, 2))]
