"""108 and 109 of 144 are 75.00 and 75.69 %: 75.4 is neither, 75.7 is the second."""

from tests.audit.tables import ACCURACY, stated, table

FOUND = [table({"ours": ["75.4"]}, ACCURACY, scored=stated(144))]
LEFT = [table({"ours": ["75.7"]}, ACCURACY, scored=stated(144))]
