"""The audit on tables of one's own: fabricated papers that are true, and ones that are not."""

import math
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from repro.audit import report as audit
from repro.audit.findings import Checks, Paper
from repro.audit.rules.operands import number
from repro.audit.rules.parameters import parameters
from repro.errors import UserError
from repro.spec.entry import Entry
from repro.spec.schema import Paper as PaperFile
from repro.spec.schema import Recipes, Table
from repro.stats import proportions
from repro.stats.ranks import p_lattice

PAPER = PaperFile(title="A paper", short="Ours", authors=[], year=2024, order=1, url="", bibtex="")
HEAD = {"number": "1", "order": 1, "printed_in": "", "title": "", "caption": "",
        "statistics": {"unit": "run", "decider": "none"}}  # fmt: skip


def entry(data: dict[str, Any], name: str = "one") -> Entry:
    table = Table.model_validate({**HEAD, **data})
    return Entry(f"ours-{name}", "ours", Path(f"{name}.toml"), table, PAPER, Recipes())


def serious(report: audit.Report) -> list[str]:
    return [f.title for f in report.findings if f.severity in ("impossible", "inconsistent")]


def write(value: Fraction, decimals: int, how: str) -> str:
    """Write a value with so many decimals, exactly."""
    units = value * 10**decimals
    whole = math.floor(units) if how == "truncated" else math.floor(units + Fraction(1, 2))
    text = str(whole).rjust(decimals + 1, "0")
    return f"{text[:-decimals]}.{text[-decimals:]}" if decimals else text


def accuracies(draw: random.Random, n: int, runs: int, cells: int) -> list[list[Fraction]]:
    """Return the true run accuracies (percent) of some systems."""
    found = []
    for _ in range(cells):
        level = draw.uniform(0.3, 0.99)
        counts = [min(n, max(0, round(draw.gauss(level, 0.01) * n))) for _ in range(runs)]
        found.append([Fraction(100 * k, n) for k in counts])
    return found


def fabricated(draw: random.Random) -> dict[str, Any]:
    """Return a table of true means, written in one of the listed ways, with claims that hold."""
    n, runs = draw.choice([50, 144, 200, 333, 874, 2000, 11005]), draw.choice([1, 2, 3, 5])
    values = draw.choice(["exact", "exact", "rounded", "truncated"])
    mean = draw.choice(["rounded", "truncated"])
    decimals, padded = draw.choice([1, 2, 3]), draw.random() < 0.3
    true = accuracies(draw, n, runs, 5)
    shown = decimals - 1 if padded else decimals
    printed = []
    for of_runs in true:
        one = of_runs if values == "exact" or runs == 1 else [
            Fraction(write(v, shown, values)) for v in of_runs
        ]  # fmt: skip
        text = write(sum(one, Fraction(0)) / runs, shown, mean)
        printed.append(text + ("" if not padded else "0" if shown else ".0"))
    exact = [sum(one, Fraction(0)) / runs for one in true]
    rows = [
        {"id": f"s{i}", "label": f"S{i}", "cells": [text], "kind": "trained"}
        for i, text in enumerate(printed)
    ]
    arithmetic = []
    if (values, mean) == ("exact", "rounded"):
        gap = exact[0] - exact[1]
        arithmetic.append(
            {"sentence": "a gap", "operation": "difference", "of": ["s0/acc"], "to": ["s1/acc"],
             "claimed": f"{'-' if gap < 0 else ''}{write(abs(gap), 1, 'rounded')}"}
        )  # fmt: skip
        best = max(range(5), key=lambda i: exact[i])
        arithmetic.append(
            {"sentence": "the best", "operation": "greater", "of": [f"s{best}/acc"],
             "to": ["*/acc"]}
        )  # fmt: skip
        ratio = exact[2] / exact[3]
        arithmetic.append(
            {"sentence": "a ratio", "operation": "ratio", "of": ["s2/acc"], "to": ["s3/acc"],
             "claimed": write(ratio, 2, draw.choice(["rounded", "truncated"]))}
        )  # fmt: skip
        arithmetic.append(
            {"sentence": "a bound", "operation": "ratio", "of": ["s2/acc"], "to": ["s3/acc"],
             "claimed": f">= {write(ratio, 1, 'truncated')}"}
        )  # fmt: skip
    return {
        "column": [{"id": "acc", "label": "acc", "metric": "test.accuracy"}],
        "row": rows,
        "scored": [{"sizes": [{"n": [n], "origin": "the test set", "stated": True}], "runs": runs}],
        "arithmetic": arithmetic,
    }


@pytest.mark.parametrize("seed", range(60))
def test_a_true_paper_is_never_called_impossible_or_inconsistent(seed):
    draw = random.Random(seed)
    report = audit.audit([entry(fabricated(draw))])
    assert serious(report) == []
    assert report.made > 0


def test_true_means_with_their_spread_are_never_impossible():
    draw = random.Random(5)
    for _ in range(25):
        n, runs = draw.choice([50, 200, 400]), draw.choice([2, 3, 5])
        rows = []
        for i, of_runs in enumerate(accuracies(draw, n, runs, 3)):
            mean = sum(of_runs, Fraction(0)) / runs
            squares = sum((v - mean) ** 2 for v in of_runs)
            spread = math.sqrt(squares / draw.choice([runs, runs - 1, runs * (runs - 1)]))
            text = f"{write(mean, 2, 'rounded')} ± {spread:.2f}"
            rows.append({"id": f"s{i}", "label": f"S{i}", "cells": [text], "kind": "trained"})
        data = {
            "column": [{"id": "acc", "label": "acc", "metric": "test.accuracy"}],
            "row": rows,
            "scored": [{"sizes": [{"n": [n], "origin": "all", "stated": True}], "runs": runs}],
        }
        assert serious(audit.audit([entry(data)])) == []


def test_p_values_of_true_tests_have_their_n():
    for n in (6, 10, 13):
        values = sorted(set(p_lattice(range(2, 2 * n + 1, 2)).values()))[2:5:2]
        rows = [
            {"id": f"s{i}", "label": f"S{i}", "cells": [f"{p:.1e}"], "kind": "derived",
             "derive": "wilcoxon", "against": "s0"}
            for i, p in enumerate(values)
        ]  # fmt: skip
        data = {"column": [{"id": "p", "label": "p"}], "row": rows}
        (finding,) = audit.audit([entry(data)]).findings
        assert n in finding.numbers["n"]["exact (two-sided)"]


def searched(texts: list[str]) -> dict[str, Any]:
    return {
        "column": [{"id": "acc", "label": "acc", "metric": "test.accuracy"}],
        "row": [
            {"id": f"s{i}", "label": f"S{i}", "cells": [t], "kind": "trained", "system": f"s{i}"}
            for i, t in enumerate(texts)
        ],
        "scored": [{"runs": 3, "search": [50, 280]}],
    }


def test_a_size_is_named_falsely_as_often_as_the_report_expects():
    """Values whose size lies outside the searched range, 80 times."""
    draw = random.Random(11)
    named, expected = 0, 0.0
    for _ in range(80):
        n = draw.randint(3000, 6000)
        texts = [write(Fraction(100 * draw.randint(n // 2, n), n), 2, "rounded") for _ in range(3)]
        report = audit.audit([entry(searched(texts))])
        (finding,) = report.findings
        named += finding.numbers["size"] is not None
        first = finding.numbers["searches"][0]["expected"]
        expected += first
        assert report.false_alarms == pytest.approx(first if finding.numbers["size"] else 0.0)
    assert 0 < named <= expected + 4 * math.sqrt(expected)


def test_a_true_size_in_range_is_the_one_named():
    draw = random.Random(2)
    for _ in range(20):
        n = draw.randint(60, 270)
        texts = [
            write(sum(one, Fraction(0)) / 3, 2, "rounded") for one in accuracies(draw, n, 3, 6)
        ]
        (finding, *_) = audit.audit([entry(searched(texts))]).findings
        assert n in finding.numbers["searches"][0]["fits"]
        assert finding.numbers["size"] in (n, None)


def test_equal_systems_get_two_values_flagged_less_often_than_1_in_20():
    draw = random.Random(3)
    flags = 0
    for _ in range(600):
        a, b = (sum(draw.random() < 0.5 for _ in range(200)) for _ in range(2))
        flags += proportions.fisher(a, 200, b, 200) < 0.05
    assert 0.005 < flags / 600 < 0.06


# ---- tables that are not true ----------------------------------------------------------------


def stated(text: str, n: int = 144, runs: int = 1) -> dict[str, Any]:
    return {
        "column": [{"id": "acc", "label": "acc", "metric": "test.accuracy"}],
        "row": [{"id": "s", "label": "S", "cells": [text], "kind": "trained"}],
        "scored": [{"sizes": [{"n": [n], "origin": "all", "stated": True}], "runs": runs}],
    }


def test_a_value_that_no_reading_gives_is_impossible():
    (finding,) = audit.audit([entry(stated("75.4"))]).findings
    assert finding.severity == "impossible"
    assert "under any reading" in finding.sentence
    assert "108/144" in finding.computation[0]


def test_a_value_that_one_reading_gives_is_not_impossible():
    (finding,) = audit.audit([entry(stated("97.44", n=8732))]).findings
    assert finding.severity == "unstated"
    assert finding.survives == ("truncated mean",)


def test_values_rounded_in_two_ways_are_inconsistent():
    data = stated("92.47", n=960, runs=3)  # rounded only
    data["row"].append({"id": "t", "label": "T", "cells": ["93.15"], "kind": "trained"})
    data["row"].append({"id": "u", "label": "U", "cells": ["90.25"], "kind": "trained"})
    titles = {f.title: f.severity for f in audit.audit([entry(data)]).findings}
    assert titles["No one way of rounding gives all values on the stated size"] == "inconsistent"


def test_a_spread_that_no_meaning_gives_is_impossible():
    # Two runs on 10 clips: half a range of 5, 10, 15, ...; no meaning of ± gives 2.0.
    report = audit.audit([entry(stated("50.0 ± 2.0", n=10, runs=2))])
    assert "impossible" in {f.severity for f in report.findings if f.rule == "spread"}


def test_a_sum_beside_its_total():
    data = {
        "column": [{"id": "n", "label": "n"}],
        "row": [
            {"id": "a", "label": "A", "cells": ["1.2"], "kind": "declared"},
            {"id": "b", "label": "B", "cells": ["3.4"], "kind": "declared"},
            {"id": "c", "label": "C", "cells": ["4.8"], "kind": "declared"},
        ],
        "arithmetic": [
            {"sentence": "in all", "operation": "sum", "of": ["a/n", "b/n"], "claimed": "c/n"},
            {"sentence": "product", "operation": "product", "of": ["a/n", "2"], "claimed": "2.4"},
        ],
    }
    (finding,) = audit.audit([entry(data)]).findings
    assert finding.claim == "in all"
    assert finding.numbers["failing"][0]["low"] == pytest.approx(4.5)


def test_printed_parameters_against_counted_ones():
    data = {
        "column": [{"id": "p", "label": "p", "unit": "10^6", "metric": "parameters"}],
        "row": [
            {"id": i, "label": i, "cells": ["5.3"], "kind": "measured", "system": i, "dataset": d}
            for i, d in (("a", "small"), ("b", "small"), ("c", "small"))
        ],
    }
    counts = {
        ("a", "small"): {"all": 5_183_618},
        ("a", "large"): {"all": 5_258_463},
        ("b", "small"): {"all": 5_399_999},  # cut off
        ("c", "small"): {"all": 9, "trainable": 5_260_000},
    }
    checks = Checks()
    (finding,) = parameters(Paper("ours", "Ours", (entry(data),)), checks, counts)
    assert finding.cells == ("ours-one/a/p",)
    assert "5,258,463 on large" in finding.sentence
    assert checks.made["parameters"] == 3


# ---- files -----------------------------------------------------------------------------------

FILE = """
number = "2"
order = 1
printed_in = "Section 4"
title = "Results"
caption = "Results"
statistics = { unit = "run", decider = "none" }

[[column]]
id = "acc"
label = "Accuracy"
metric = "test.accuracy"

[[row]]
id = "ours"
label = "Ours"
kind = "trained"
cells = ["75.4"]

[[scored]]
runs = 1
sizes = [{ n = [144], origin = "the test set", stated = true }]
"""


def test_a_file_of_ones_own_needs_no_paper_beside_it(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    entries, only = audit.entries_of(str(path))
    assert only is None
    (finding,) = audit.audit(entries).findings
    assert finding.severity == "impossible"
    assert finding.tables == (f"{tmp_path.name}-mine",)


def test_a_folder_of_ones_own_is_one_paper(tmp_path):
    (tmp_path / "a.toml").write_text(FILE)
    more = '\n[[arithmetic]]\nsentence = "as before"\noperation = "same"\n'
    more += f'of = ["ours/acc"]\nto = ["{tmp_path.name}-a/ours/acc"]\n'
    (tmp_path / "b.toml").write_text(FILE.replace("75.4", "35.4") + more)
    (tmp_path / "paper.toml").write_text(
        'title = "T"\nshort = "Mine"\nauthors = []\nyear = 2024\norder = 1\nurl = ""\nbibtex = ""\n'
    )
    report = audit.audit(audit.entries_of(str(tmp_path))[0])
    assert list(report.papers.values()) == ["Mine"]
    assert "same name" in report.checks.made


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('of = ["ous/acc"]\nclaimed = "3"', "did you mean '.*/ours/acc'"),
        ('of = ["a/b/c/d"]\nclaimed = "3"', "is not ROW/COLUMN"),
        ('of = ["ours/acc"]\nclaimed = "many"', "not a number or a bound"),
    ],
)
def test_an_operand_that_does_not_exist_is_named(tmp_path, more, message):
    path = tmp_path / "mine.toml"
    said = f'\n[[arithmetic]]\nsentence = "s"\noperation = "sum"\n{more}\n'
    path.write_text(FILE + said)
    with pytest.raises(UserError, match=message):
        audit.audit(audit.entries_of(str(path))[0])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[[scored]]\nrows = ["our"]', "unknown row of a .*did you mean 'ours'"),
        ("[[scored]]\nsizes = [{ n = [0], origin = 'x' }]", "greater than or equal to 1"),
        ("[[scored]]\nruns = -3", "greater than or equal to 1"),
        ("[[scored]]\nruns = 3\nsearch = [100, 50]", "search must rise"),
        ("[[scored]]\nsearch = [50, 100]", "needs the number of runs"),
        ('[[arithmetic]]\nsentence = "s"\noperation = "ratio"\nof = ["1"]', "needs 'to'"),
        ('[[arithmetic]]\nsentence = "s"\noperation = "sum"\nof = ["1"]', "needs 'claimed'"),
        ('[[arithmetic]]\nsentence = "s"\noperation = "power"\nof = ["1"]', "power"),
    ],
)
def test_a_mistake_in_an_entry_is_named(tmp_path, more, message):
    path = tmp_path / "mine.toml"
    path.write_text(FILE + "\n" + more + "\n")
    with pytest.raises(UserError, match=message):
        audit.entries_of(str(path))


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="no table files"):
        audit.entries_of(str(tmp_path))


def test_zeros_that_a_whole_column_ends_in_are_padding():
    def gap(*cells: str) -> str:
        rows = [{"id": i, "label": i, "cells": [c], "kind": "declared"}
                for i, c in zip("abc", cells, strict=False)]  # fmt: skip
        said = {"sentence": "s", "operation": "difference", "of": ["a/n"], "to": ["b/n"],
                "claimed": "1.15"}  # fmt: skip
        data = {"column": [{"id": "n", "label": "n"}], "row": rows, "arithmetic": [said]}
        (finding,) = audit.audit([entry(data)]).findings
        assert "trailing zeros are padding" in finding.survives
        return finding.severity

    assert gap("3.50", "2.30") == "unstated"  # 1.2 ± 0.1 if both have one decimal
    assert gap("3.50", "2.30", "1.23") == "inconsistent"  # the column has two


def test_sizes_that_fit_beyond_chance_are_evidence():
    def listed(text: str, sizes: list[int]) -> str:
        data = stated(text)
        data["scored"] = [{"sizes": [{"n": sizes, "origin": "one of many"}]}]
        (finding,) = audit.audit([entry(data)]).findings
        return finding.sentence

    assert "no evidence" in listed("98.63", [873, *range(805, 838, 4)])  # 1 of 10, 0.8 by chance
    assert "no evidence" not in listed("48.67", [150, 300, 450, 187])  # 3 of 4, 0.1 by chance


def test_small_results_are_not_written_as_0():
    assert [number(Fraction(text)) for text in ("0.0003", "19.5", "0", "-0.02")] == [
        "0.0003", "19.5", "0", "-0.02",
    ]  # fmt: skip
