"""Deposited results as people leave them: read as they are, or refused by file, place and key."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from repro.audit import deposited
from repro.audit.deposited import Series
from repro.errors import UserError


def read(folder: Path, text: str, name: str = "ast.csv") -> tuple[Series, ...]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return deposited.read(path)


def told(series: tuple[Series, ...]) -> dict[str, dict[str, Fraction]]:
    """Return the shares by series and outcome."""
    return {one.name: {o.name: o.value.value for o in one.outcomes} for one in series}


def test_a_table_with_folds_counts_and_names(tmp_path):
    """Columns that are no number tell series apart; a source, brackets and averages do not."""
    text = (
        "Model,Dataset,Test_fold,N,Correct,Accuracy,source\n"
        "AST (run of May),ESC-50,1,400,380,0.9500,a\n"
        "AST,ESC-50,2,400,391.0,0.9775,b\n"
        "PaSST,ESC-50,1,400,,0.967,a\n"
        "\n"
        "AST,ESC-50,average,400,385,0.9637,a\n"
    )
    found = read(tmp_path, text)
    assert told(found) == {
        "AST ESC-50": {"1": Fraction(95, 100), "2": Fraction(9775, 10000)},
        "PaSST ESC-50": {"1": Fraction(967, 1000)},
    }
    ast, passt = found
    assert [(o.correct, o.n) for o in ast.outcomes] == [(380, 400), (391, 400)]
    assert [(o.correct, o.n) for o in passt.outcomes] == [(None, 400)]
    assert passt.outcomes[0].value.unit == Fraction(1, 1000)
    assert ast.words == {"ast", "esc", "50"}


def test_runs_of_folds_have_both_numbers(tmp_path):
    text = "run,fold,acc\n1,1,90\n1,2,91\n2,1,92\n2,2,93\n"
    shares = {"1/1": Fraction(90, 100), "2/1": Fraction(91, 100),
              "1/2": Fraction(92, 100), "2/2": Fraction(93, 100)}  # fmt: skip
    assert told(read(tmp_path, text)) == {"ast": shares}  # named by its file: fold, then run


def test_rows_without_a_fold_are_counted(tmp_path):
    text = "model,acc,auc\nX,.9,.99\nY,.7,.99\nX,.8,.99\n"
    shares = {"X": {"1": Fraction(9, 10), "3": Fraction(8, 10)}, "Y": {"2": Fraction(7, 10)}}
    assert told(read(tmp_path, text)) == shares


@pytest.mark.parametrize(
    ("text", "values", "unit"),
    [
        ("0.95\n0.97\n0.90\n", ["0.95", "0.97", "0.90"], "0.01"),
        ("95\n97\n90\n", ["0.95", "0.97", "0.90"], "0.01"),
        ("95.0\n97.0\n96.0\n", ["0.95", "0.97"], "0.001"),  # the last is the mean of the others
        ("95.0\n97.0\n96.2\n", ["0.95", "0.97", "0.962"], "0.001"),
        ("90\n94\n", ["0.90", "0.94"], "0.01"),  # of two, none is a mean
        ("1\n1\n0\n", ["1", "1", "0"], "1"),  # a mean of 1 is not cut off to 0
        ("0.95\n0.97\n0.9\n", ["0.95", "0.97", "0.9"], None),  # .96 has two digits as they have
        (".959\n.938\n.948\n", [".959", ".938"], "0.001"),  # .9485 cut off
        (".959\n.938\n.949\n", [".959", ".938"], "0.001"),  # and rounded
        (".959\n.938\n.950\n", [".959", ".938", ".950"], "0.001"),
        ("9.500000000000000111e-01\n", ["0.9500000000000000111"], None),
    ],
)
def test_numbers_alone_are_one_series(tmp_path, text, values, unit):
    """A number above 1 makes all of them percent, and their digits as many less."""
    (series,) = read(tmp_path, text)
    assert series.name == "ast"
    assert [o.value.value for o in series.outcomes] == [Fraction(v) for v in values]
    assert unit is None or {o.value.unit for o in series.outcomes} == {Fraction(unit)}


JSONS = {
    "rows": ([{"System": "AST", "fold": 1, "acc": 95.0}, {"System": "AST", "fold": 2, "acc": 96}],
             {"AST": {"1": "0.95", "2": "0.96"}}),
    "rows with counts in brackets": ([{"fold": "a", "acc": "95.0 (190/200)"}],
                                     {"ast": {"a": "0.95"}}),
    "numbers": ([0.95, 0.97, 0.9], {"ast": {"1": "0.95", "2": "0.97", "3": "0.9"}}),
    "names with numbers": ({"AST-1": 0.95, "AST-2": 0.96, "PaSST": 0.97},
                           {"AST": {"1": "0.95", "2": "0.96"}, "PaSST": {"PaSST": "0.97"}}),
    "names with lists": ({"AST": [0.951, 0.979, 0.965]}, {"AST": {"1": "0.951", "2": "0.979"}}),
    "confusion matrices": ({"AST-1": [[9, 1], [2, 8]], "AST_fold2": [[1, 0], [0, 1]]},
                           {"AST": {"1": "17/20", "2": "1"}}),
}  # fmt: skip


@pytest.mark.parametrize("form", JSONS)
def test_json_forms(tmp_path, form):
    data, expected = JSONS[form]
    shares = {name: {k: Fraction(v) for k, v in of.items()} for name, of in expected.items()}
    assert told(read(tmp_path, json.dumps(data), "ast.json")) == shares


def test_a_confusion_matrix_counts(tmp_path):
    (series,) = read(tmp_path, '{"AST": [[9, 1], [2, 8]]}', "a.json")
    assert [(o.correct, o.n) for o in series.outcomes] == [(17, 20)]


HEAD = "fold,accuracy,n,correct\n"
WRONG = {  # file and content -> what is said, with the place and the key
    "half a clip": ("a.csv", f"{HEAD}1,0.95,40,38.5\n", "line 2: correct '38.5' is no number"),
    "a word for a size": ("a.csv", f"{HEAD}1,0.95,forty,38\n", "line 2: n 'forty' is no number"),
    "a negative size": ("a.csv", f"{HEAD}1,0.9,10,9\n2,0.9,-10,9\n", "line 3: n '-10' is no"),
    "more than all": ("a.csv", f"{HEAD}1,1.0,40,41\n", "1: 41 correct of 40"),
    "none at all": ("a.csv", f"{HEAD}1,0.0,0,0\n", "1: 0 correct of 0"),
    "counts of another accuracy": ("a.csv", f"{HEAD}7,0.50,40,38\n", "7: 38 of 40 is 0.95, not"),
    "the same in percent": ("a.csv", f"{HEAD}7,50,40,38\n", "7: 38 of 40 is 0.95, not 0.5"),
    "a fold twice": ("a.csv", "model,fold,acc\nX,1,.9\nX,1,.8\n", "line 3: fold 1 of 'X' a second"),
    "a column twice": ("a.csv", "fold,acc,acc\n1,.9,.8\n", "two columns are called 'acc'"),
    "a cell too many": ("a.csv", "fold,acc\n1,.9,.8\n", "line 2 has 3 cells under 2 headings"),
    "no accuracy": ("a.csv", "fold,auc\n1,.9\n", "line 2: no column accuracy or acc"),
    "a text": ("a.csv", "fold,acc\n1,good\n", "line 2: acc 'good' is not a number"),
    "a bound": ("a.csv", "fold,acc\n1,>90\n", "line 2: acc '>90' is not a number"),
    "a negative one": ("a.csv", "fold,acc\n1,-90\n", "line 2: acc '-90' is not a number"),
    "above 100": ("a.csv", "950\n970\n", "an accuracy lies in 0..1 or 0..100 %, found 970"),
    "a mean or a result": ("a.csv", "95\n97\n96\n", "the last number may be the mean of those"),
    "nothing": ("a.csv", "", "no accuracies in it"),
    "a truth for a size": ("a.json", '[{"acc": 0.9, "n": true}]', "row 1: n 'True' is no number"),
    "a list for a size": ("a.json", '[{"acc": 0.9, "n": [1]}]', "row 1: n '[1]' is no number"),
    "a truth": ("a.json", '[{"acc": 0.9}, {"acc": true}]', "row 2: acc 'True' is not a number"),
    "truths in a matrix": ("a.json", '{"A": [[true, false], [false, true]]}', "'A' is neither a"),
    "an oblong matrix": ("a.json", '{"A": [[1, 2, 3], [1, 2, 3]]}', "'A' is neither a number"),
    "a matrix of shares": ("a.json", '{"A": [[0.5, 0.5], [0, 1]]}', "'A' is neither a number"),
    "a matrix below zero": ("a.json", '{"A": [[5, -1], [0, 1]]}', "'A' is neither a number"),
    "a ragged matrix": ("a.json", '{"A": [[1, 2], [3]]}', "'A' is neither a number"),
    "an empty matrix": ("a.json", '{"A": [[0, 0], [0, 0]]}', "'A' counts no clips"),
    "no number": ("a.json", '{"A": NaN}', "NaN is no accuracy"),
    "beyond all numbers": ("a.json", "[1, Infinity]", "Infinity is no accuracy"),
    "a name twice": ("a.json", '{"A-1": 0.9, "A-1": 0.8}', "'a-1' stands twice"),
    "a text among numbers": ("a.json", '[1, "2"]', "neither rows nor names with numbers"),
    "no JSON": ("a.json", "[1,", "Expecting value"),
    "endless nesting": ("a.json", "[" * 100_000, "recursion"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_what_cannot_be_is_one_message_with_its_place(tmp_path, mistake):
    name, text, said = WRONG[mistake]
    with pytest.raises(UserError) as caught:
        read(tmp_path, text, name)
    assert caught.value.message.startswith(f"{tmp_path / name}: ")
    assert said in caught.value.message


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no such file: .*none\.csv"):
        deposited.read(tmp_path / "none.csv")


PUBLISHED = {  # file -> series, results in each, and the mean in percent of the first
    "ast_esc50_per_fold.csv": (1, 5, 95.75),
    "passt_esc50_per_fold.csv": (1, 5, 97.04),
    "piczak2015_convnet_per_fold_accuracy.csv": (9, 5, None),
    "piczak2015_convnet_confusion_matrices.json": (9, 5, None),
}


@pytest.mark.data
@pytest.mark.parametrize("name", PUBLISHED)
def test_files_that_others_deposited_are_read(shared_data, name):
    count, each, mean = PUBLISHED[name]
    found = deposited.read(shared_data / "published_results" / name)
    assert len(found) >= count
    assert len(found[0].outcomes) == each
    if mean is not None:
        values = [o.value.value for o in found[0].outcomes]
        assert float(100 * sum(values) / len(values)) == pytest.approx(mean)


@pytest.mark.data
def test_piczaks_matrices_and_his_table_are_the_same_results(shared_data):
    """Two deposits of one work, in two forms: correct and n of every fold agree."""
    folder = shared_data / "published_results"
    table = deposited.read(folder / "piczak2015_convnet_per_fold_accuracy.csv")
    matrices = deposited.read(folder / "piczak2015_convnet_confusion_matrices.json")
    by_name = [
        {"-".join(one.name.split()): {o.name: (o.correct, o.n) for o in one.outcomes} for one in of}
        for of in (table, matrices)
    ]
    assert by_name[0] == by_name[1]
