"""Scores of one set of predictions bound each other: all confusion matrices, all rankings."""

import itertools
import random
from functools import cache

import pytest
from sklearn.metrics import average_precision_score, f1_score, recall_score, roc_auc_score

from repro.audit import jointly


@cache
def confusions(classes: tuple[int, ...]) -> list[list[list[int]]]:
    """Return every confusion matrix with so many clips of each class."""

    def rows(size: int) -> list[tuple[int, ...]]:
        every = itertools.product(range(size + 1), repeat=len(classes))
        return [row for row in every if sum(row) == size]

    return [list(map(list, matrix)) for matrix in itertools.product(*map(rows, classes))]


def labels(matrix: list[list[int]]) -> tuple[list[int], list[int]]:
    """Return true and predicted labels of a confusion matrix."""
    pairs = [
        (true, said)
        for true, row in enumerate(matrix)
        for said, count in enumerate(row)
        for _ in range(count)
    ]
    return [true for true, _ in pairs], [said for _, said in pairs]


def f1_of(matrix: list[list[int]], weighted: bool) -> float:
    n, total = sum(map(sum, matrix)), 0.0
    for i, row in enumerate(matrix):
        hits = row[i]
        said = sum(other[i] for other in matrix)
        one = 2 * hits / (sum(row) + said) if hits else 0.0
        total += one * (sum(row) / n if weighted else 1 / len(matrix))
    return total


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [(3, 3), (2, 4), (3, 3, 3), (2, 3, 4), (1, 2, 5)])
def test_f1_lies_within_its_bounds_and_they_are_close(classes, weighted):
    by_correct: dict[int, list[float]] = {}
    for matrix in confusions(classes):
        correct = sum(matrix[i][i] for i in range(len(classes)))
        by_correct.setdefault(correct, []).append(f1_of(matrix, weighted))
    for correct, found in by_correct.items():
        low, high = jointly.f1(correct, classes, weighted)
        assert low <= min(found) + 1e-9
        assert high >= max(found) - 1e-9
        assert min(found) - low < 0.09, correct
        assert high - max(found) < 0.03, correct


def test_our_f1_is_that_of_scikit_learn():
    draw = random.Random(1)
    for matrix in draw.sample(confusions((2, 3, 4)), 40):
        true, said = labels(matrix)
        for weighted, average in ((False, "macro"), (True, "weighted")):
            theirs = f1_score(true, said, average=average, labels=[0, 1, 2], zero_division=0)
            assert f1_of(matrix, weighted) == pytest.approx(theirs)


@pytest.mark.parametrize("classes", [(3, 3), (2, 5), (1, 2, 4), (3, 3, 3)])
def test_mean_recall_has_exactly_its_bounds(classes):
    by_correct: dict[int, list[float]] = {}
    for matrix in confusions(classes):
        recalls = [row[i] / sum(row) for i, row in enumerate(matrix)]
        correct = sum(matrix[i][i] for i in range(len(classes)))
        by_correct.setdefault(correct, []).append(sum(recalls) / len(recalls))
    for correct, found in by_correct.items():
        assert jointly.recall(correct, classes) == pytest.approx((min(found), max(found)))
    true, said = labels(confusions(classes)[7])
    assert recall_score(true, said, average="macro", labels=range(len(classes))) == pytest.approx(
        sum(row[i] / sum(row) for i, row in enumerate(confusions(classes)[7])) / len(classes)
    )


def test_mean_recall_of_equal_classes_is_the_accuracy_also_of_several_runs():
    assert jointly.recall(71.5, [10] * 10) == pytest.approx((0.715, 0.715))
    # Means of runs lie within the bounds of the mean: they bend the right way.
    for low, high in ((3, 9), (0, 12), (5, 6)):
        ends = [jointly.recall(k, [2, 4, 6]) for k in (low, high)]
        middle = jointly.recall((low + high) / 2, [2, 4, 6])
        assert middle[0] <= sum(e[0] for e in ends) / 2 + 1e-12
        assert middle[1] >= sum(e[1] for e in ends) / 2 - 1e-12


def rankings(positives: int, negatives: int):
    """Yield every order of the clips and every threshold: labels from the top, clips above it."""
    for at in itertools.combinations(range(positives + negatives), positives):
        order = [i in at for i in range(positives + negatives)]
        for above in range(len(order) + 1):
            yield order, above, sum(order[:above]) + order[above:].count(False)


@pytest.mark.parametrize(("positives", "negatives"), [(3, 4), (2, 5), (4, 4)])
def test_auc_and_average_precision_of_two_classes_lie_within_their_bounds(positives, negatives):
    aucs: dict[int, list[float]] = {}
    aps: dict[int, list[float]] = {}
    for order, _, correct in rankings(positives, negatives):
        scores = [-float(i) for i in range(len(order))]
        aucs.setdefault(correct, []).append(roc_auc_score(order, scores))
        aps.setdefault(correct, []).append(average_precision_score(order, scores))
    for correct, found in aucs.items():
        low, high = jointly.binary_auc(correct, (positives, negatives))
        assert low == pytest.approx(max(0.0, low))
        assert low <= min(found) + 1e-9
        assert high >= max(found) - 1e-9
    for correct, found in aps.items():
        assert jointly.binary_ap(correct, positives, negatives) == pytest.approx(
            (min(found), max(found))
        )
    # The bound of the AUC is met where the errors fit into the smaller class.
    smaller = min(positives, negatives)
    for errors in range(smaller + 1):
        correct = positives + negatives - errors
        low, _ = jointly.binary_auc(correct, (positives, negatives))
        assert low == pytest.approx(min(aucs[correct]))


def test_all_correct_with_an_auc_of_a_half():
    """Twenty classes, every clip right within itself, and a ranking over clips at random.

    A clip's own class leads by a hair, all but one of the others follow at once, and clips differ
    in how large these scores are: that is all that an AUC over clips sees.
    """
    classes, scores, true = 20, [], []
    draw = random.Random(3)
    for clip in range(400):
        own = clip % classes
        last = draw.choice([c for c in range(classes) if c != own])
        lift = draw.uniform(0.0001, 0.002)
        row = [1 / classes + lift - 1e-7] * classes
        row[own], row[last] = 1 / classes + lift, 0.0
        row[last] = 1 - sum(row)
        scores.append(row)
        true.append(own)
    assert all(
        max(range(classes), key=row.__getitem__) == t for row, t in zip(scores, true, strict=True)
    )
    assert roc_auc_score(true, scores, multi_class="ovr", average="macro") < 0.56


@pytest.mark.parametrize("call", [jointly.recall, jointly.binary_auc, jointly.f1])
def test_counts_that_cannot_be_are_refused(call):
    for correct, classes in ((-1, (3, 3)), (7, (3, 3)), (0, (0, 0))):
        with pytest.raises(ValueError, match="not a count"):
            call(correct, classes)
