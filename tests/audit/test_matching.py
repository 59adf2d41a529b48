"""Which printed cell a deposited series belongs to: by its words, or as the user says."""

import pytest

from repro.audit.deposited import Outcome, Series
from repro.audit.findings import Paper
from repro.audit.matching import matched
from repro.errors import UserError
from repro.spec.printed import parse
from tests.audit.papers import entry
from tests.audit.tables import ACCURACY, table

DATASETS = ("esc50", "urbansound8k", "esc10")


def named(name: str) -> Series:
    value = parse("0.95")
    assert value is not None
    return Series(name, (Outcome("1", value),))


def paper() -> Paper:
    rows = {"AST": ["95.6"], "AST-S": ["93.1"], "PaSST-S [4]": ["96.8"], "Ours": ["-"]}
    tables = [
        table(rows, ACCURACY, dataset="esc50"),
        table({"AST": ["88.0"]}, ACCURACY, dataset="urbansound8k"),
    ]
    return Paper("made", "Made up", tuple(entry(t, str(i)) for i, t in enumerate(tables, 1)))


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("AST ESC-50", ["made-1/AST/acc"]),
        ("ast_esc50", ["made-1/AST/acc"]),
        ("AST-S ESC-50", ["made-1/AST-S/acc"]),  # of two rows that fit, the one with more words
        ("AST UrbanSound8K long", ["made-2/AST/acc"]),
        ("AST", ["made-1/AST/acc", "made-2/AST/acc"]),  # names no data set: both
        ("PaSST S (swa) ESC-50", ["made-1/PaSST-S [4]/acc"]),  # brackets name nothing
    ],
)
def test_a_series_belongs_to_the_row_whose_words_it_holds(name, cells):
    assert [address for address, _ in matched([named(name)], [paper()], DATASETS)] == cells


@pytest.mark.parametrize("name", ["ASTRA ESC-50", "PaSST", "AST ESC-10", "Ours ESC-50", "esc50"])
def test_a_series_that_names_no_row_is_refused_with_the_rows_there_are(name):
    """A word is a whole one; ESC-10 is no ESC-50; a row that prints "-" has no accuracy."""
    with pytest.raises(UserError) as caught:
        matched([named(name)], [paper()], DATASETS)
    assert f"no row is named by {name!r}" in caught.value.message
    assert "AST, AST-S and PaSST-S [4]" in caught.value.message
    assert "--cell" in (caught.value.next_step or "")


def test_the_longest_data_set_is_the_one_that_is_named():
    """ "esc50" is in "esc50x", too: rows of the shorter name are not meant."""
    assert [
        address for address, _ in matched([named("AST esc50")], [paper()], ("esc5", "esc50"))
    ] == ["made-1/AST/acc"]
    with pytest.raises(UserError, match="no row"):
        matched([named("AST esc50x")], [paper()], ("esc50", "esc50x"))


def test_a_user_may_name_the_cell():
    series = [named("one"), named("two")]
    assert matched(series, [paper()], DATASETS, "made-2/AST/acc") == [
        ("made-2/AST/acc", series[0]), ("made-2/AST/acc", series[1]),
    ]  # fmt: skip
    with pytest.raises(UserError, match="did you mean 'made-1/AST/acc'"):
        matched(series, [paper()], DATASETS, "made-1/AST/accuracy")


def test_only_test_accuracies_are_matched():
    """A value of the validation set, an increment or a p-value is no result that is deposited."""
    columns = {"v": "valid.accuracy", "d": "test.accuracy", "p": ""}
    data = table({"AST": ["95.6", "+0.4", "0.03"]}, columns, dataset="esc50")
    with pytest.raises(UserError, match="no row"):
        matched([named("AST")], [Paper("made", "Made up", (entry(data),))], DATASETS)
