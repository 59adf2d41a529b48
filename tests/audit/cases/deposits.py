"""AST's folds on ESC-50 have a mean of 95.75: 95.8 and, cut off, 95.7, but not 95.6."""

from repro.audit.deposited import Outcome, Series
from repro.spec.printed import parse
from tests.audit.tables import ACCURACY, table

FOLDS = [".9500", ".9775", ".9475", ".9700", ".9425"]
OUTCOMES = [Outcome(str(fold), parse(text)) for fold, text in enumerate(FOLDS, 1)]
BESIDE = {"deposits": (Series("ast_esc50", tuple(OUTCOMES)),)}
FOUND = [table({"AST": ["95.6"]}, ACCURACY, dataset="esc50")]
LEFT = [table({"AST": ["95.8"]}, ACCURACY, dataset="esc50")]
FOUND_BESIDE = LEFT_BESIDE = BESIDE
