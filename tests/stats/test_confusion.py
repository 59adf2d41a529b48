"""Where decisions are wrong: a hand-worked case, and scikit-learn on any numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from repro.stats import confusion

# Six clips of a, b, c: a a b b b c are taken for a b b b a b.
SCORES = np.array([[.7, .2, .1], [.3, .5, .2], [.1, .8, .1], [.2, .6, .2], [.6, .3, .1],
                   [.1, .5, .4]])  # fmt: skip
LABELS = np.array([0, 0, 1, 1, 1, 2])


def test_a_hand_worked_case():
    found = confusion.confusion(SCORES, LABELS, ("a", "b", "c"))
    assert found.counts.tolist() == [[1, 1, 0], [1, 2, 0], [0, 1, 0]]
    a, b, c = found.scores()
    assert (a.clips, a.right, a.decided) == (2, 1, 2)
    assert (b.recall, b.precision, b.f1) == (2 / 3, 2 / 4, 4 / 7)
    assert (c.recall, c.precision, c.f1) == (0.0, None, 0.0)  # never decided on
    assert found.balanced_accuracy() == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert found.macro_f1() == pytest.approx((1 / 2 + 4 / 7 + 0) / 3)
    assert found.mistakes() == [("a", "b", 1), ("b", "a", 1), ("c", "b", 1)]
    # Wrong ones first, by the score of their own class: .3 (a for b), .3 (b for a), .4 (c for b).
    assert confusion.worst(SCORES, LABELS)[:3] == [1, 4, 5]
    right = SCORES.argmax(axis=1) == LABELS
    assert confusion.by_group(right, ["x", "x", "y", "y", "x", "z"]) == {
        "z": (0, 1), "x": (1, 3), "y": (2, 2)
    }  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_any_decisions_are_counted_as_scikit_learn_does(pairs):
    truth, decided = (np.array(side) for side in zip(*pairs, strict=True))
    found = confusion.confusion(np.eye(4)[decided], truth, tuple("abcd"))
    matrix = metrics.confusion_matrix(truth, decided, labels=range(4))
    assert (found.counts == matrix).all()
    present = sorted({*truth, *decided})
    assert found.macro_f1() == pytest.approx(
        metrics.f1_score(truth, decided, labels=present, average="macro", zero_division=0)
    )
    recalls = metrics.recall_score(truth, decided, labels=sorted({*truth}), average="macro")
    assert found.balanced_accuracy() == pytest.approx(recalls)
