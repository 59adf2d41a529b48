"""The smallest two-sided p of six pairs is 2/64 = .031: 0.031 is, 0.001 cannot be."""

from tests.audit.tables import table

DERIVED = {"kind": "derived", "derive": "wilcoxon", "against": "ours"}
TESTED = [{"pairs": 6, "method": "exact", "sides": "two-sided", "source": "over six folds"}]
FOUND = [table({"theirs": ["0.001"]}, {"p": ""}, rows={"theirs": DERIVED}, tested=TESTED)]
LEFT = [table({"theirs": ["0.031"]}, {"p": ""}, rows={"theirs": DERIVED}, tested=TESTED)]
