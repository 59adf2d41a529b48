"""The search for test sizes: brute force, the two searches of statistics.md 2.2, chance fits."""

import random
from fractions import Fraction

import pytest

from repro.audit import inversion
from repro.audit.granularity import DEFAULT, READINGS, Reading, attainable
from repro.spec.printed import Printed, parse

URBANSOUND8K = [
    "88.52", "92.30", "96.49", "95.61", "96.19", "89.51", "91.76", "95.80", "95.19", "95.04",
]  # fmt: skip
CASIA = ["90.25", "92.47", "93.15", "89.97", "91.76", "92.19"]
FOLDS = (873, 888, 925, 990, 936, 823, 838, 806, 816, 837)


def numbers(texts: list[str]) -> list[Printed]:
    return [found for text in texts if (found := parse(text)) is not None]


@pytest.mark.parametrize("runs", [1, 3])
def test_search_is_what_testing_each_size_gives(runs):
    values = numbers(["61.0", "64.5", "72.5"])
    found = inversion.search(values, runs, 10, 300)
    missed = {n: sum(not attainable(v, n, runs) for v in values) for n in range(10, 301)}
    assert found.fits == tuple(n for n, m in missed.items() if m == 0)
    assert found.misses == {n: m for n, m in missed.items() if m <= 2}


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_sizes_under_a_reading_are_what_testing_each_size_gives(reading):
    values = numbers(["61.0", "64.5", "72.4"])
    expected = [n for n in range(10, 121) if all(attainable(v, n, 3, reading) for v in values)]
    assert inversion.sizes_under(values, 3, 10, 120, reading) == expected


def test_urbansound8k_fits_874_clips_alone():
    values = numbers(URBANSOUND8K)
    assert inversion.search(values, 1, 100, 6000).fits == (2622, 5244)
    assert inversion.search(values, 3, 50, 1999).fits == (874, 1748)
    found = inversion.search(values, 3, 50, 1000)
    assert found.fits == (874,)
    assert found.expected == pytest.approx(0.00054, abs=5e-6)
    assert found.jittered == pytest.approx(0.0005, abs=1e-4)
    assert found.misses == {874: 0}
    assert set(inversion.search(values, 3, 50, 1200).misses) == {874}
    assert inversion.search(values, 3, 50, 1999).expected == pytest.approx(1.1, abs=0.05)
    listed = inversion.expected_fits(values, 3, [*FOLDS, 874])
    assert listed == pytest.approx(2.0e-5, abs=1e-6)


def test_urbansound8k_by_column_and_by_reading():
    assert inversion.search(numbers(URBANSOUND8K[:5]), 3, 50, 1200).fits == (874, 1138)
    assert inversion.search(numbers(URBANSOUND8K[5:]), 3, 50, 1200).fits == (874, 1096)
    values = numbers(URBANSOUND8K)
    assert inversion.sizes_under(values, 3, 50, 1999, Reading(mean="truncated")) == []
    assert inversion.sizes_under(values, 3, 50, 1108, Reading("rounded")) == [874]
    twice = Reading("truncated", "truncated")
    assert inversion.sizes_under(values, 3, 50, 1000, twice) == [875]


def test_casia_names_no_size():
    found = inversion.search(numbers(CASIA), 3, 50, 1440)
    assert found.fits == (1080, 1173, 1319, 1323, 1412)
    assert found.expected == pytest.approx(1.34, abs=0.005)
    assert found.jittered == pytest.approx(1.34, abs=0.02)
    assert found.p == pytest.approx(0.018, abs=0.003)
    assert inversion.joint_readings(numbers(CASIA), 960, 3) == []
    for n in (120, 180, 240, 300, 360):
        assert sum(not attainable(v, n, 3) for v in numbers(CASIA)) >= 4


def test_jitter_is_how_often_shifted_values_fit():
    values = numbers(["48.67", "37.00", "61.50"])
    found = inversion.search(values, 1, 100, 400)
    draw = random.Random(1)
    hits = []
    for _ in range(150):
        shifted = [
            Printed(v.value + Fraction(draw.randint(-50, 50), 100), v.unit, v.decimals)
            for v in values
        ]
        hits.append(sum(all(attainable(v, n) for v in shifted) for n in range(100, 401)))
    assert found.jittered == pytest.approx(sum(hits) / len(hits), rel=0.5)


def test_random_values_fit_as_often_as_the_formula_says():
    """The false alarms of the search: values that mean nothing, 400 times."""
    draw = random.Random(7)
    found = 0
    for _ in range(400):
        values = numbers([f"{draw.uniform(60, 99):.2f}" for _ in range(4)])
        found += len(inversion.sizes_under(values, 3, 50, 500, DEFAULT))
    expected = inversion.expected_fits(numbers(["80.00"] * 4), 3, range(50, 501))
    assert found / 400 == pytest.approx(expected, abs=4 * (expected / 400) ** 0.5)


def test_padding_counts_for_values_that_end_in_0_only():
    values = numbers(["47.10", "48.62"])
    joint = inversion.joint_readings(values, 800, 1)
    # 377/800 = 47.125 and 389/800 = 48.625: one decimal and two, rounded or cut off.
    assert joint == [Reading(padded=True), Reading(mean="truncated", padded=True)]


def test_factors_split_the_decisions_into_runs():
    assert (3, 874) in inversion.factors(2622)
    assert inversion.factors(7) == [(1, 7), (7, 1)]


@pytest.mark.parametrize(
    ("texts", "runs", "low", "high", "message"),
    [
        ([], 3, 50, 100, "at least one"),
        (["101.0"], 1, 50, 100, r"0\.\.100"),
        (["50.0"], 0, 50, 100, "at least 1"),
        (["50.0"], 1, 0, 100, "at least 1"),
        (["50.0"], 1, 100, 50, "below"),
        (["50.0"], 1, 1, 10**6, "up to"),
    ],
)
def test_what_cannot_be_searched_is_refused(texts, runs, low, high, message):
    with pytest.raises(ValueError, match=message):
        inversion.search(numbers(texts), runs, low, high)
