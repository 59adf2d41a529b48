"""Statistics and metrics on results that others published per fold."""

import csv
import json
from fractions import Fraction

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from repro.stats.counts import pooled_accuracy, shares
from repro.stats.metrics import Accuracy, accuracy, macro_auc, mean_average_precision
from repro.stats.ranks import hodges_lehmann, signed_rank
from repro.stats.significance import chances, corrected_t, holm, one_sample_t
from repro.stats.summary import summarise_folds

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def published(shared_data):
    folder = shared_data / "published_results"
    if not folder.is_dir():
        pytest.skip(f"published results not found: {folder}")
    return folder


def rows(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def piczak(published):
    """Return (dataset, segments, voting) -> (correct per fold, clips per fold)."""
    folds = {}
    for row in rows(published / "piczak2015_convnet_per_fold_accuracy.csv"):
        correct, n = folds.setdefault((row["dataset"], row["segments"], row["voting"]), ([], []))
        correct.append(int(row["correct"]))
        n.append(int(row["n"]))
    return folds


@pytest.fixture(scope="module")
def confusions(published):
    return json.loads((published / "piczak2015_convnet_confusion_matrices.json").read_text())


def differences(piczak, dataset, a, b):
    return [x - y for x, y in zip(*(shares(*piczak[dataset, *s]) for s in (a, b)), strict=True)]


def percent_free(values):
    return [float(value) for value in values]


LONG, SHORT = ("long", "probability"), ("short", "probability")
LONG_MAJORITY, SHORT_MAJORITY = ("long", "majority"), ("short", "majority")


def test_long_against_short_segments(piczak):
    exact = differences(piczak, "UrbanSound8K", LONG, SHORT)
    test = signed_rank(exact)
    assert (test.n, test.zeros, test.w_plus, test.w_minus) == (10, 0, 51, 4)
    assert test.p == 7 / 512
    assert test.smallest_p == 1 / 512
    assert test.rank_biserial == pytest.approx(47 / 55, abs=1e-15)
    centre = hodges_lehmann(exact)
    assert centre.estimate == pytest.approx(0.0168909, abs=5e-8)
    assert centre.interval is not None
    assert centre.interval.low == pytest.approx(0.0055593, abs=5e-8)
    assert centre.interval.high == pytest.approx(0.0283906, abs=5e-8)
    walsh = sorted((a + b) / 2 for i, a in enumerate(exact) for b in exact[i:])
    assert (centre.interval.low, centre.interval.high) == (float(walsh[8]), float(walsh[46]))


def test_probability_against_majority_vote_has_a_zero(piczak):
    test = signed_rank(differences(piczak, "UrbanSound8K", LONG, LONG_MAJORITY))
    assert (test.n, test.zeros, test.w_minus, test.p) == (9, 1, 0, 1 / 256)


def test_corrected_t_reverses_the_naive_one(piczak):
    values = percent_free(differences(piczak, "UrbanSound8K", LONG, SHORT))
    n_test = piczak["UrbanSound8K", *LONG][1]
    naive = one_sample_t(values, 0.0)
    assert naive.difference == pytest.approx(0.01701369, abs=5e-9)
    assert naive.se == pytest.approx(0.01692138 / 10**0.5, abs=5e-9)
    assert (naive.t, naive.p) == pytest.approx((3.179528, 0.011193), abs=5e-7)
    total = sum(n_test)
    both = corrected_t(values, [total - n for n in n_test], n_test)  # ratio 1/9
    assert (both.t, both.p) == pytest.approx((2.188301, 0.056406), abs=5e-7)
    held_out = n_test[1:] + n_test[:1]  # the next fold validates: ratio 1/8
    train = [total - n - other for n, other in zip(n_test, held_out, strict=True)]
    rest = corrected_t(values, train, n_test)
    assert (rest.t, rest.p) == pytest.approx((2.119685, 0.063070), abs=5e-7)
    assert both.df == rest.df == 9


def test_the_second_voice_on_the_pair_that_the_corrected_t_leaves_open(piczak):
    """Better by more than a point .80, within a point .19 (baycomp: .8047, .1918)."""
    percent = [100 * float(d) for d in differences(piczak, "UrbanSound8K", LONG, SHORT)]
    got = chances(corrected_t(percent, [9] * 10, [1] * 10), 1.0)
    assert (got.better, got.same) == pytest.approx((0.8047465883, 0.1917539469), abs=1e-9)


def test_five_folds_reach_their_floor(piczak):
    exact = differences(piczak, "ESC-50", SHORT, SHORT_MAJORITY)
    test = signed_rank(exact)
    assert test.w_minus == 0
    assert test.p == test.smallest_p == 1 / 16
    corrected = corrected_t(percent_free(exact), [1600] * 5, [400] * 5)
    assert (corrected.t, corrected.p) == pytest.approx((5.803810, 0.004384), abs=5e-7)


def test_holm_over_the_four_urbansound_pairs(piczak):
    pairs = [(LONG, SHORT), (LONG, SHORT_MAJORITY), (LONG, LONG_MAJORITY), (LONG_MAJORITY, SHORT)]
    raw = [signed_rank(differences(piczak, "UrbanSound8K", a, b)).p for a, b in pairs]
    assert raw == [7 / 512, 5 / 512, 1 / 256, 47 / 64]
    assert holm(raw) == [0.029296875, 0.029296875, 0.015625, 0.734375]


def test_fold_average_pooled_accuracy_and_best_fold(piczak):
    correct, n = piczak["UrbanSound8K", *LONG]
    folds = summarise_folds(percent_free(shares(correct, n)))
    assert folds.average == pytest.approx(0.7313042, abs=5e-8)
    assert pooled_accuracy(correct, n) == Fraction(6383, 8732)  # .7309895
    assert folds.sd == pytest.approx(0.0402584, abs=5e-8)
    assert folds.best == pytest.approx(0.7681624, abs=5e-8)
    assert folds.expected_best == pytest.approx(0.7932520, abs=5e-8)
    assert folds.expected_best_c4 == pytest.approx(0.7949933, abs=5e-8)


def as_clips(confusion):
    """Return one-hot scores (clips, classes) of the decisions and the true classes (clips,)."""
    matrix = np.asarray(confusion)  # (true class, decided class)
    true, decided = np.nonzero(matrix)
    repeats = matrix[true, decided]
    scores = np.eye(len(matrix))[np.repeat(decided, repeats)]
    return scores, np.repeat(true, repeats)


def test_eighty_confusion_matrices_give_the_published_counts(confusions, published):
    table = rows(published / "piczak2015_convnet_per_fold_accuracy.csv")
    assert len(table) == len(confusions) == 80
    for row in table:
        name = "-".join(row[key] for key in ("dataset", "segments", "voting", "test_fold"))
        counted = accuracy(*as_clips(confusions[name]))
        assert counted == Accuracy(correct=int(row["correct"]), n=int(row["n"])), name
        assert float(counted.share) == pytest.approx(float(row["accuracy"]), abs=5e-7)


def test_auc_and_ap_of_decisions_have_a_closed_form(confusions):
    for confusion in confusions.values():
        scores, labels = as_clips(confusion)
        matrix = np.asarray(confusion)
        hits, total = np.diag(matrix), matrix.sum()
        positives, decided = matrix.sum(axis=1), matrix.sum(axis=0)
        recall = hits / positives
        false_alarm = (decided - hits) / (total - positives)
        area = macro_auc(scores, labels)
        assert area.per_class == pytest.approx((1 + recall - false_alarm) / 2, abs=1e-12)
        precision = np.divide(hits, decided, out=np.zeros(len(hits)), where=decided > 0)
        expected = precision * recall + positives / total * (1 - recall)
        average = mean_average_precision(scores, labels)
        assert average.per_class == pytest.approx(expected, abs=1e-12)


def test_metrics_equal_scikit_learn_on_decisions(confusions):
    for name, confusion in confusions.items():
        if not name.endswith("-1"):
            continue
        scores, labels = as_clips(confusion)
        truth = np.eye(scores.shape[1], dtype=int)[labels]
        assert macro_auc(scores, labels).value == pytest.approx(
            roc_auc_score(truth, scores, average="macro"), abs=1e-12
        )
        assert mean_average_precision(scores, labels).value == pytest.approx(
            average_precision_score(truth, scores, average="macro"), abs=1e-12
        )


def ast_folds(published):
    values = np.loadtxt(published / "ast_esc50_per_fold.csv")
    return [round(value * 400) for value in values[:5]], float(values[5])


def test_ast_fold_average_is_the_published_one(published):
    correct, printed = ast_folds(published)
    assert correct == [380, 391, 379, 388, 377]
    folds = summarise_folds(percent_free(shares(correct, [400] * 5)))
    assert folds.average == pytest.approx(printed, abs=1e-12)
    assert float(pooled_accuracy(correct, [400] * 5)) == pytest.approx(folds.average, abs=1e-15)


def test_reading_of_the_printed_digits_decides_zeros_and_ranks(published):
    ast = shares(ast_folds(published)[0], [400] * 5)
    printed = [row["accuracy"] for row in rows(published / "passt_esc50_per_fold.csv")]
    as_decimals = signed_rank([Fraction(p) - a for p, a in zip(printed, ast, strict=True)])
    # .967-.95 .977-.9775 .959-.9475 .987-.97 .962-.9425: one minus at rank 1, two ties
    assert (as_decimals.n, as_decimals.zeros, as_decimals.ties) == (5, 0, 2)
    assert (as_decimals.w_plus, as_decimals.w_minus, as_decimals.p) == (14, 1, 4 / 32)
    counts = [387, 391, 384, 395, 385]  # the k/400 that truncate to the print in float32
    assert [f".{int(1000 * float(np.float32(k / 400)))}" for k in counts] == [
        text.removeprefix("0") for text in printed
    ]
    as_counts = signed_rank([Fraction(k, 400) - a for k, a in zip(counts, ast, strict=True)])
    assert (as_counts.n, as_counts.zeros, as_counts.w_minus, as_counts.p) == (4, 1, 0, 1 / 8)


def test_actors_pool_to_the_published_total(published):
    table = rows(published / "ravdess_saatweek_per_actor.csv")
    actors = [row for row in table if row["test_actor"] != "all test"]
    correct = [round(float(row["accuracy"]) * int(row["n"])) for row in actors]
    assert pooled_accuracy(correct, [int(row["n"]) for row in actors]) == Fraction(133, 240)


def test_printed_averages_of_folds(published):
    table = rows(published / "mtst_esc50_per_fold.csv")
    for metric in ("accuracy", "precision", "weighted_f1", "mcc", "auc"):
        folds = summarise_folds([float(row[metric]) for row in table[:-1]])
        assert f"{folds.average:.3f}" == table[-1][metric]
