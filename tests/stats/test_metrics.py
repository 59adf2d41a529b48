"""Metrics against hand-worked cases and scikit-learn."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from repro.stats.metrics import Accuracy, accuracy, macro_auc, mean_average_precision


def binary(labels, scores):
    """Return the scores and labels of two classes whose second is the one looked at."""
    positive = np.asarray(labels)
    scores = np.asarray(scores, dtype=float)
    return np.stack([-scores, scores], axis=1), np.stack([1 - positive, positive], axis=1)


def test_auc_and_ap_of_the_worked_example():
    scores, labels = binary([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.1])
    assert macro_auc(scores, labels).per_class[1] == 0.75
    assert mean_average_precision(scores, labels).per_class[1] == pytest.approx(2 / 3, abs=1e-15)


def test_accuracy_is_a_count_and_equal_scores_go_to_the_lower_class():
    scores = [[0.2, 0.8], [0.9, 0.1], [0.5, 0.5], [0.5, 0.5]]
    assert accuracy(scores, [1, 1, 0, 1]) == Accuracy(correct=2, n=4)
    assert accuracy(scores, [[0, 1], [0, 1], [1, 0], [0, 1]]).share == Fraction(1, 2)


def test_class_without_positives_leaves_the_mean_and_is_named():
    labels = [1, 2, 1, 2]
    scores = [[0.1, 0.8, 0.1], [0.6, 0.1, 0.3], [0.2, 0.7, 0.1], [0.0, 0.2, 0.8]]
    precision = mean_average_precision(scores, labels)
    assert precision.value == 1.0  # scikit-learn counts the empty class as 0: 2/3
    assert precision.per_class == (None, 1.0, 1.0)
    assert precision.left_out == (0,)
    assert macro_auc(scores, labels).left_out == (0,)


def test_class_without_negatives_has_an_ap_but_no_auc():
    scores, labels = [[0.1, 0.3], [0.2, 0.1]], [[1, 1], [1, 0]]
    assert mean_average_precision(scores, labels).value == 1.0
    area = macro_auc(scores, labels)
    assert (area.value, area.left_out) == (1.0, (0,))


def test_value_is_none_where_no_class_has_the_metric():
    area = macro_auc([[0.3, 0.7], [0.1, 0.9]], [1, 1])
    assert (area.value, area.left_out) == (None, (0, 1))


def random_case(seed, clips, classes, levels):
    """Return scores (with ties where levels are few), class numbers and a label matrix."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(clips, classes))
    if levels:
        scores = np.round(scores * levels) / levels
    numbers = rng.integers(0, classes, clips)
    numbers[:classes] = np.arange(classes)  # every class has positives
    matrix = (rng.random((clips, classes)) < 0.3).astype(int)
    matrix[0], matrix[1] = 1, 0
    return scores, numbers, matrix


@pytest.mark.parametrize("levels", [0, 1, 4])
@pytest.mark.parametrize(("clips", "classes"), [(40, 3), (300, 10), (997, 35)])
def test_equal_to_scikit_learn(clips, classes, levels):
    scores, numbers, matrix = random_case(clips + levels, clips, classes, levels)
    one_hot = np.eye(classes, dtype=int)[numbers]
    for labels, truth in [(numbers, one_hot), (matrix, matrix)]:
        area = macro_auc(scores, labels)
        precision = mean_average_precision(scores, labels)
        expected_area = roc_auc_score(truth, scores, average=None)
        expected_precision = average_precision_score(truth, scores, average=None)
        assert area.per_class == pytest.approx(expected_area, abs=1e-12)
        assert area.value == pytest.approx(np.mean(expected_area), abs=1e-12)
        assert precision.per_class == pytest.approx(expected_precision, abs=1e-12)
        assert precision.value == pytest.approx(np.mean(expected_precision), abs=1e-12)


def test_sigmoid_scores_that_do_not_sum_to_one_serve():
    scores, numbers, _ = random_case(5, 60, 4, 0)
    sigmoid = 1 / (1 + np.exp(-scores))
    assert macro_auc(sigmoid, numbers) == macro_auc(scores, numbers)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=30).filter(
        lambda rows: len({positive for _, positive in rows}) == 2
    )
)
def test_auc_is_the_share_of_ordered_pairs(rows):
    scores, labels = binary([int(positive) for _, positive in rows], [score for score, _ in rows])
    pairs = [(a, b) for a, positive in rows if positive for b, other in rows if not other]
    won = sum(1 if a > b else 0.5 if a == b else 0 for a, b in pairs)
    area = macro_auc(scores, labels)
    assert area.per_class[1] == pytest.approx(won / len(pairs), abs=1e-15)
    assert area.per_class[0] == pytest.approx(area.per_class[1], abs=1e-15)  # mirrored scores


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 2**32), st.permutations(range(25)))
def test_order_of_clips_and_monotone_changes_of_scores_do_not_matter(seed, order):
    scores, numbers, _ = random_case(seed, 25, 3, 2)
    for metric in (macro_auc, mean_average_precision):
        expected = metric(scores, numbers)
        assert metric(scores[order], numbers[order]) == expected
        assert metric(np.exp(scores), numbers) == expected


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, 0.2], [0, 1], "shape"),
        (np.zeros((0, 3)), [], "shape"),
        ([[0.1, float("nan")]], [0], "finite"),
        ([[0.1, 0.2]], [0, 1], "2 labels do not fit 1 clips"),
        ([[0.1, 0.2]], [2], r"0\.\.1"),
        ([[0.1, 0.2]], [-1], r"0\.\.1"),
        ([[0.1, 0.2]], [0.0], "integers"),
        ([[0.1, 0.2]], [[0, 1, 0]], "do not fit"),
        ([[0.1, 0.2]], [[0, 2]], "only 0 and 1"),
    ],
)
def test_bad_input_is_refused(scores, labels, message):
    for metric in (accuracy, macro_auc, mean_average_precision):
        with pytest.raises(ValueError, match=message):
            metric(scores, labels)


def test_accuracy_refuses_clips_with_several_classes():
    with pytest.raises(ValueError, match="exactly one class"):
        accuracy([[0.1, 0.2]], [[1, 1]])
