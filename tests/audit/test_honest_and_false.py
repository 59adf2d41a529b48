"""The audit on tables of one's own: fabricated papers that are true, and ones that are not."""

import math
import random
from fractions import Fraction
from typing import Any

import pytest

from repro.audit import report as audit
from repro.audit.inversion import expected_fits
from repro.audit.operands import number
from repro.audit.rates import measured
from repro.errors import UserError
from repro.spec import printed
from repro.stats import proportions
from repro.stats.ranks import p_lattice
from tests.audit import papers
from tests.audit.papers import entry
from tests.audit.tables import ACCURACY, said, stated, table


def serious(report: audit.Report) -> list[str]:
    return [finding.title for finding in report.contradictions]


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
def test_a_true_table_is_never_called_impossible_or_inconsistent(seed):
    draw = random.Random(seed)
    report = audit.audit([entry(fabricated(draw))])
    assert serious(report) == []
    assert report.made > 0


@pytest.mark.parametrize("habit", papers.HABITS)
def test_an_honest_paper_has_no_contradiction(habit):
    assert papers.alarms(habit, 4, "fast")["alarmed"] == 0


@pytest.mark.parametrize("how", ["order", "all cells", "difference", "sum"])
def test_an_altered_paper_is_found(how):
    assert papers.found("rounded", how, 12, "fast") >= 10 / 12


REST = [habit for habit in papers.HABITS if habit != "rounded"]
# Before this measure the rules found these shares; they must not find less.
FLOOR = {"order": 1.0, "all cells": 0.98, "difference": 0.93, "size": 0.84, "one cell": 0.77}


def test_measured_rates_are_no_worse_than_before():
    rates = measured()
    assert rates.papers >= 500
    assert rates.alarmed["rounded"] == 0
    assert rates.contradictions["rounded"] == {}
    for how, share in FLOOR.items():
        assert rates.found["rounded"][how] >= share, how


@pytest.mark.slow
@pytest.mark.parametrize(("habit", "number"), [("rounded", 150), *((h, 60) for h in REST)])
def test_rates_of_other_honest_papers_are_those_stated(habit, number):
    """Of another seed than `benchmarks/audit_rates.py`, which makes up 500 of each."""
    rates = measured()
    found = papers.alarms(habit, number, "again")
    if habit == "rounded":
        assert found["alarmed"] == 0
    # Counts on other papers with the same chance: within four standard errors, and six for notes,
    # of which a paper may have several.
    share = number / rates.papers
    assert abs(found["alarmed"] - share * rates.alarmed[habit]) <= 4 * math.sqrt(
        found["alarmed"] + 1
    )
    for rule in {*found["notes"], *rates.notes[habit]}:
        ours, stated = found["notes"].get(rule, 0), share * rates.notes[habit].get(rule, 0)
        assert abs(ours - stated) <= 6 * math.sqrt(max(1.0, ours + share * stated)), rule


@pytest.mark.slow
@pytest.mark.parametrize("how", papers.ALTERED)
def test_the_power_on_500_other_altered_papers_is_that_stated(how):
    number, stated = 500, measured().found["rounded"][how]
    found = papers.found("rounded", how, number, "again")
    p = (found + stated) / 2
    assert abs(found - stated) <= 4 * math.sqrt(2 * p * (1 - p) / number) + 1e-9


def test_an_alteration_alters_and_the_honest_table_passes():
    for how, (name, alter) in papers.ALTERED.items():
        paper = papers.honest(random.Random(f"fast/{how}"), "rounded")
        before = repr(paper.tables[name])
        assert serious(paper.audited(name)) == []
        alter(paper)
        assert repr(paper.tables[name]) != before, how


def test_cutting_off_in_floating_point_is_among_the_habits():
    assert papers.write(57 / 200 * 100, "cut off", 2) == "28.49"
    assert papers.write(57 / 200 * 100, "rounded", 2) == "28.50"
    assert papers.behind([1, 2], 3, "mean of rounded", 1) == (33.3 + 66.7) / 2


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
        group = searched(texts)
        report = audit.audit([entry(group)])
        named += any(finding.numbers["size"] for finding in report.findings)
        expected += expected_fits([printed.parse(text) for text in texts], 3, range(50, 281))
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


def one(*texts: str, n: int = 144, runs: int | None = 1) -> audit.Report:
    """Audit accuracies on one stated size."""
    cells = {f"s{i}": [text] for i, text in enumerate(texts)}
    return audit.audit([entry(table(cells, ACCURACY, scored=stated(n, runs)))])


def test_a_value_that_no_reading_gives_is_impossible():
    (finding,) = one("75.4").findings
    assert finding.severity == "impossible"
    assert finding.contradiction
    # What has no lattice is said first, and nothing twice denied.
    assert finding.sentence.index("average over batches") < finding.sentence.index("cannot")
    assert "of the 2 readings that apply none gives it" in finding.sentence
    assert "108/144" in finding.computation[0]
    assert finding.chance == pytest.approx(2 * 0.144, abs=0.07)


def test_a_value_that_one_reading_gives_is_not_impossible():
    (finding,) = one("97.44", n=8732).findings
    assert finding.severity == "unstated"
    assert finding.survives == ("truncated mean",)
    (finding,) = one("28.49", n=200).findings  # 57 of 200, cut off in floating point
    assert (finding.severity, finding.survives) == ("unstated", ("truncated mean",))


def test_values_rounded_in_two_ways_contradict_each_other():
    # 92.47: rounded only; 93.15: cut off only; 90.25: a mean of rounded values only.
    (finding,) = one("92.47", "93.15", "90.25", n=960, runs=3).findings
    assert finding.title == "No one way of rounding gives all values on the stated size"
    assert finding.contradiction


def test_one_way_of_rounding_is_asked_of_a_whole_table():
    """Values of two stated sizes in one table: each size alone has a reading, both have none."""
    columns = {"v": "valid.accuracy", "t": "test.accuracy"}
    # 28.49 is 57 of 200 cut off; 66.67 is 200 of 300 rounded (cut off it is 66.66).
    scored = [{**stated(200)[0], "columns": ["t"]}, {**stated(300)[0], "columns": ["v"]}]
    both = table({"s": ["66.67", "28.49"]}, columns, scored=scored)
    (finding,) = audit.audit([entry(both)]).findings
    assert finding.contradiction
    apart = [table({"s": ["28.49"]}, ACCURACY, scored=stated(200)),
             table({"s": ["66.67"]}, ACCURACY, scored=stated(300))]  # fmt: skip
    report = audit.audit([entry(data, str(i)) for i, data in enumerate(apart)])
    assert report.contradictions == ()


def test_a_spread_that_no_meaning_gives_is_impossible():
    # Two runs on 10 clips: half a range of 5, 10, 15, ...; no meaning of ± gives 2.0.
    report = one("50.0 ± 2.0", n=10, runs=2)
    assert "impossible" in {f.severity for f in report.findings if f.rule == "spread"}
    # The ± of one run is not that of runs.
    assert one("50.0 ± 2.0", n=10, runs=1).findings == ()


def test_51_5_has_309_of_600_and_no_listed_spread_of_1_27():
    (finding,) = one("51.5 ± 1.27", n=200, runs=3).findings
    assert finding.severity == "impossible"
    assert finding.sentence.index("average over batches") < finding.sentence.index("cannot")


def test_whose_numbers_stand_on_each_side_decides_the_severity():
    """A sum of printed cells that a reading rescues is a note, and so is a print against ours."""
    cells = {"a": ["1.2"], "b": ["3.4"], "c": ["5.4"]}
    wrong = said("sum", ["a/n", "b/n"], claimed="c/n")
    for more, severity in (
        ({}, "inconsistent"),
        ({"otherwise": "the parts are those of another year"}, "unstated"),
        ({"reading": [{"why": "c is b and 2", "of": ["b/n", "2"]}]}, "unstated"),
        ({"reading": [{"why": "c is b", "of": ["b/n"]}]}, "inconsistent"),
    ):
        data = table(cells, {"n": ""}, kind="declared", arithmetic=[{**wrong, **more}])
        (finding,) = audit.audit([entry(data)]).findings
        assert finding.severity == severity, more
        assert bool(finding.survives) == (severity == "unstated")


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


def test_printed_parameters_against_counted_ones_are_one_note():
    column = {"id": "p", "label": "p", "unit": "10^6", "metric": "parameters"}
    data = table({"a": ["5.3"], "b": ["5.3"], "c": ["5.3"], "d": ["7.1"]}, {}, kind="measured",
                 dataset="small") | {"column": [column]}  # fmt: skip
    counts = {
        ("a", "small"): {"all": 5_183_618},
        ("a", "large"): {"all": 5_258_463},
        ("b", "small"): {"all": 5_399_999},  # cut off
        ("c", "small"): {"all": 9, "trainable": 5_260_000},
        ("d", "small"): {"all": 5_183_618},
    }
    report = audit.audit([entry(data, "one")], counts)
    (finding,) = report.findings
    assert finding.cells == ("made-one/a/p", "made-one/d/p")
    assert (finding.severity, finding.contradiction) == ("unlike ours", False)
    assert "2 printed counts of 4" in finding.sentence
    assert "the same system has 1 of them" in finding.sentence
    assert "5,258,463 on large" in finding.computation[0]
    assert report.checks.made["parameters"] == 4


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
        return finding.severity

    assert gap("3.50", "2.30") == "unstated"  # 1.2 ± 0.1 if both have one decimal
    assert gap("3.50", "2.30", "1.23") == "inconsistent"  # the column has two


def test_sizes_that_fit_beyond_chance_are_evidence():
    def listed(text: str, sizes: list[int]) -> str:
        scored = [{"sizes": [{"n": sizes, "origin": "one of many"}]}]
        data = table({"s": [text]}, ACCURACY, scored=scored)
        (finding,) = audit.audit([entry(data)]).findings
        return finding.sentence

    assert "no evidence" in listed("98.63", [873, *range(805, 838, 4)])  # 1 of 10, 0.8 by chance
    assert "no evidence" not in listed("48.67", [150, 300, 450, 187])  # 3 of 4, 0.1 by chance


def test_small_results_are_not_written_as_0():
    assert [number(Fraction(text)) for text in ("0.0003", "19.5", "0", "-0.02")] == [
        "0.0003", "19.5", "0", "-0.02",
    ]  # fmt: skip
