"""106 and 74 of 200 have p = .0018 by Fisher's test, 100 and 96 of 200 p = .76."""

from tests.audit.tables import ACCURACY, said, stated, table

SAME = [said("same", ["here/acc"], ["there/acc"])]
FOUND = [
    table({"here": ["53.00"], "there": ["37.00"]}, ACCURACY, scored=stated(200), arithmetic=SAME)
]
LEFT = [
    table({"here": ["50.00"], "there": ["48.00"]}, ACCURACY, scored=stated(200), arithmetic=SAME)
]
