"""Made-up papers: honest ones in three printing habits, and the same with one thing altered.

A paper has tables as papers on audio classification have: results on a test set of stated size, on
one whose size is only listed, and on a large one with AUC; means with their spread; accuracy beside
mean recall; an ablation whose increments add up; p-values of signed-rank tests over folds; and one
system printed twice. Every number of an honest paper follows from
counts of correct clips; how it is written is the habit:

- rounded: the exact mean of the runs, rounded;
- mean of rounded: the runs' values rounded, their mean rounded again;
- cut off: the mean in floating point, cut off with floor(x * 100) / 100.

What the text says is computed from the printed numbers or from those behind them, by coin toss.
"""

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from repro.audit import report as audit
from repro.spec.entry import Entry
from repro.spec.schema import Paper as PaperFile
from repro.spec.schema import Recipes, Table
from repro.stats.ranks import signed_rank

HABITS = ("rounded", "mean of rounded", "cut off")
SIZES = (120, 144, 200, 240, 290, 300, 400, 480, 600)
ABOUT = PaperFile(
    title="A paper", short="Made up", authors=[], year=2024, order=1, url="", bibtex=""
)
HEAD = {
    "printed_in": "", "title": "", "caption": "", "statistics": {"unit": "run", "decider": "none"},
}  # fmt: skip


def entry(data: dict[str, Any], name: str = "1", recipes: Recipes | None = None) -> Entry:
    """Return a table of the made-up paper."""
    table = Table.model_validate({"number": name, "order": 1, **HEAD, **data})
    return Entry(f"made-{name}", "made", Path(f"{name}.toml"), table, ABOUT, recipes or Recipes())


@dataclass
class MadePaper:
    """The tables of a paper as data, and what can be altered in it."""

    tables: dict[str, dict[str, Any]]
    draw: random.Random
    habit: str
    decimals: int
    truth: dict[str, Any] = field(default_factory=dict)

    def audited(self, *names: str) -> audit.Report:
        """Return the audit of the paper, or of some of its tables."""
        return audit.audit([entry(self.tables[name], name) for name in names or self.tables])


# ---- how numbers are written -----------------------------------------------------------------


def runs_of(draw: random.Random, level: float, n: int, runs: int) -> list[int]:
    """Return the correct clips of runs that have about this accuracy, in 0..1."""
    counts = []
    for _ in range(runs):
        p = min(0.999, max(0.001, draw.gauss(level, 0.004)))
        counts.append(min(n, max(0, round(draw.gauss(n * p, 0.5 * math.sqrt(n * p * (1 - p)))))))
    return counts


def behind(counts: list[int], n: int, habit: str, decimals: int) -> float:
    """Return the mean accuracy in percent that an author of this habit has before writing it."""
    values = [k / n * 100 for k in counts]
    if habit == "mean of rounded":
        values = [round(value, decimals) for value in values]
    return statistics.fmean(values)


def write(value: float, habit: str, decimals: int) -> str:
    """Write a number with so many decimals, as the habit has it."""
    if habit == "cut off":
        value = math.floor(value * 10**decimals) / 10**decimals
    return f"{value:.{decimals}f}"


# ---- an honest paper -------------------------------------------------------------------------


def honest(draw: random.Random, habit: str) -> MadePaper:
    """Return an honest paper."""
    paper = MadePaper({}, draw, habit, draw.choice((*(2,) * 39, 1)))
    _results(paper)
    _listed(paper)
    _spreads(paper)
    _ablation(paper)
    _p_values(paper)
    _large(paper)
    _twice(paper)
    return paper


def _levels(draw: random.Random, systems: int) -> list[float]:
    """Return the accuracies of systems in 0..1, each better than the one before."""
    levels = [draw.uniform(0.5, 0.85)]
    for _ in range(systems - 1):
        levels.append(min(0.985, levels[-1] + draw.uniform(0.003, 0.035)))
    return levels


def _results(paper: MadePaper) -> None:
    """Add Table 1: five systems, validation and test on stated sizes, and parameters."""
    draw, habit, decimals = paper.draw, paper.habit, paper.decimals
    n, runs = draw.choice(SIZES), draw.choice((1, 1, 2, 3))
    valid = draw.choice(SIZES)
    levels = _levels(draw, 5)
    parts = {"v": (valid, 0.01), "t": (n, 0.0)}
    counts = {
        part: [runs_of(draw, min(0.99, level + shift), size, runs) for level in levels]
        for part, (size, shift) in parts.items()
    }
    means = {
        part: [behind(of, parts[part][0], habit, decimals) for of in counts[part]] for part in parts
    }
    sizes = [draw.uniform(0.5, 90.0) for _ in levels]
    rows = [
        {
            "id": f"s{i}", "label": f"S{i}", "system": f"s{i}", "kind": "trained",
            "cells": [write(means["v"][i], habit, decimals), write(means["t"][i], habit, decimals),
                      write(sizes[i], habit, 1)],
        }
        for i in range(5)
    ]  # fmt: skip
    paper.truth |= {"n": n, "runs": runs, "means": means["t"], "best": _best(means["t"])}
    paper.tables["1"] = {
        "dataset": "first",
        "column": [
            {"id": "v", "label": "v-acc", "metric": "valid.accuracy"},
            {"id": "t", "label": "t-acc", "metric": "test.accuracy"},
            {"id": "p", "label": "parameters", "unit": "10^6", "kind": "declared"},
        ],
        "row": rows,
        "scored": [
            _scored("t", n, runs, ["train", "valid", "test"]),
            _scored("v", valid, runs, ["train", "valid", "test"]),
        ],
        "claim": [
            {"better": f"s{paper.truth['best']}", "worse": f"s{i}", "metric": "test.accuracy",
             "sentence": "ours is better", "test": "welch"}
            for i in range(5) if i != paper.truth["best"]
        ],
        "arithmetic": _said(paper, rows, means["t"], sizes),
    }  # fmt: skip


def _scored(column: str, n: int, runs: int | None, parts: list[str]) -> dict[str, Any]:
    sizes = [{"n": [n], "origin": "its part", "stated": True}]
    return {"columns": [column], "sizes": sizes, "runs": runs, "parts": parts}


def _best(means: list[float]) -> int:
    return max(range(len(means)), key=lambda i: means[i])


def _said(
    paper: MadePaper, rows: list[dict[str, Any]], means: list[float], sizes: list[float]
) -> list[dict[str, Any]]:
    """Return what the text says of Table 1: an order, two differences, a ratio and a bound."""
    draw, habit = paper.draw, paper.habit
    best = paper.truth["best"]
    others = [i for i in range(5) if i != best]
    said: list[dict[str, Any]] = [
        {"sentence": "the best", "operation": "greater", "of": [f"s{best}/t"],
         "to": [f"s{i}/t" for i in others]}
    ]  # fmt: skip
    for rival in draw.sample(others, 2):
        gap = means[best] - means[rival]
        if draw.random() < 0.5:
            gap = float(Fraction(rows[best]["cells"][1]) - Fraction(rows[rival]["cells"][1]))
        said.append(
            {"sentence": "a gap", "operation": "difference", "of": [f"s{best}/t"],
             "to": [f"s{rival}/t"], "claimed": write(gap, habit, draw.choice((1, paper.decimals)))}
        )  # fmt: skip
    small, large = sorted(draw.sample(range(5), 2), key=lambda i: sizes[i])
    ratio = sizes[large] / sizes[small]
    printed = [float(rows[i]["cells"][2]) for i in (large, small)]
    if draw.random() < 0.5 and printed[1]:
        ratio = printed[0] / printed[1]
    shape = {"operation": "ratio", "of": [f"s{large}/p"], "to": [f"s{small}/p"]}
    said.append({"sentence": "times larger", **shape, "claimed": write(ratio, habit, 1)})
    said.append({"sentence": "at least", **shape, "claimed": f">= {math.floor(ratio)}"})
    return said


def _listed(paper: MadePaper) -> None:
    """Add Table 2: the same systems on other data, on a size that is listed or searched."""
    draw, habit, decimals = paper.draw, paper.habit, paper.decimals
    n, runs = draw.choice(SIZES), draw.choice((1, 3))
    rows = []
    for i, level in enumerate(_levels(draw, 5)):
        mean = behind(runs_of(draw, level, n, runs), n, habit, decimals)
        rows.append({"id": f"s{i}", "label": f"S{i}", "system": f"s{i}", "kind": "trained",
                     "cells": [write(mean, habit, decimals)]})  # fmt: skip
    sizes = sorted({n, *draw.sample(SIZES, 3)})
    scored: dict[str, Any] = {"sizes": [{"n": sizes, "origin": "one of these"}]}
    scored |= {"runs": runs} if draw.random() < 0.5 else {}
    scored |= {"parts": ["train", "test"], "epoch": "last"} if draw.random() < 0.5 else {}
    if "runs" in scored and draw.random() < 0.5:
        scored["search"] = [50, 1000]
    paper.tables["2"] = {
        "dataset": "second",
        "column": [{"id": "t", "label": "t-acc", "metric": "test.accuracy"}],
        "row": rows,
        "scored": [scored],
    }


def _spreads(paper: MadePaper) -> None:
    """Add Table 3: means with their spread over stated or unstated runs, and one run's recall."""
    draw, habit, decimals = paper.draw, paper.habit, paper.decimals
    n, runs = draw.choice((144, 200, 240, 300, 400)), draw.choice((2, 3, 5))
    divide = draw.choice((lambda r: r - 1, lambda r: r, lambda r: r * (r - 1)))
    rows = []
    for i, level in enumerate(_levels(draw, 2)):
        counts = runs_of(draw, level, n, runs)
        values = [k / n * 100 for k in counts]
        mean = behind(counts, n, habit, decimals)
        centre = statistics.fmean(values)
        spread = math.sqrt(sum((v - centre) ** 2 for v in values) / divide(runs))
        text = f"{write(mean, habit, decimals)} ± {write(spread, habit, decimals)}"
        rows.append({"id": f"s{i}", "label": f"S{i}", "system": f"s{i}", "kind": "trained",
                     "cells": [text]})  # fmt: skip
    stated = draw.random() < 0.5
    paper.truth |= {"spread runs": runs if stated else None, "spread n": n}
    paper.tables["3"] = {
        "dataset": "third",
        "column": [{"id": "t", "label": "t-acc", "metric": "test.accuracy"}],
        "row": rows,
        "scored": [_scored("t", n, runs if stated else None, ["train", "valid", "test"])],
        "claim": [{"better": "s1", "worse": "s0", "metric": "test.accuracy",
                   "sentence": "an improvement", "test": "welch"}],
    }  # fmt: skip
    paper.tables["3b"] = _recall(paper)


def _recall(paper: MadePaper) -> dict[str, Any]:
    """Return a table of accuracy and mean recall of one run, class by class."""
    draw, habit, decimals = paper.draw, paper.habit, paper.decimals
    classes = [draw.randint(12, 60) for _ in range(draw.randint(3, 10))]
    rows = []
    for i, level in enumerate(_levels(draw, 2)):
        right = [min(c, round(draw.gauss(c * level, 0.1 * c))) for c in classes]
        accuracy = sum(right) / sum(classes) * 100
        recall = statistics.fmean(k / c * 100 for k, c in zip(right, classes, strict=True))
        cells = [write(accuracy, habit, decimals), write(recall, habit, decimals)]
        rows.append({"id": f"s{i}", "label": f"S{i}", "system": f"s{i}", "kind": "trained",
                     "cells": cells})  # fmt: skip
    sizes = [{"n": [sum(classes)], "origin": "its part", "stated": True}]
    return {
        "dataset": "fourth",
        "column": [{"id": "t", "label": "acc", "metric": "test.accuracy"},
                   {"id": "r", "label": "UAR", "metric": "test.recall"}],
        "row": rows,
        "scored": [{"columns": ["t"], "sizes": sizes, "runs": 1, "classes": classes}],
    }  # fmt: skip


def _ablation(paper: MadePaper) -> None:
    """Add Table 4: a baseline and increments that add up to the whole system."""
    draw, habit, decimals = paper.draw, paper.habit, paper.decimals
    n, runs = draw.choice(SIZES), draw.choice((1, 3))
    means = [
        behind(runs_of(draw, level, n, runs), n, habit, decimals) for level in _levels(draw, 4)
    ]
    steps = [b - a for a, b in pairwise(means)]
    texts = [write(means[0], habit, decimals)]
    texts += [f"{'+' if s >= 0 else '-'}{write(abs(s), habit, decimals)}" for s in steps]
    texts += [write(means[-1], habit, decimals)]
    names = ["base", *(f"step{i}" for i in range(3)), "whole"]
    paper.tables["4"] = {
        "dataset": "fifth",
        "column": [{"id": "t", "label": "t-acc", "metric": "test.accuracy"}],
        "row": [{"id": name, "label": name, "kind": "trained", "system": name, "cells": [text]}
                for name, text in zip(names, texts, strict=True)],
        "arithmetic": [{"sentence": "adds up", "operation": "sum", "claimed": "whole/t",
                        "of": [f"{name}/t" for name in names[:-1]]}],
    }  # fmt: skip


def _p_values(paper: MadePaper) -> None:
    """Add Table 5: exact signed-rank tests of ours against three rivals over folds."""
    draw = paper.draw
    folds, n = draw.choice((5, 8, 10)), 1000
    level = draw.uniform(0.6, 0.9)
    ours = [round(draw.gauss(n * level, 15)) for _ in range(folds)]
    rows = []
    for i in range(3):
        lift = draw.uniform(-5, 30)
        rival = [k - round(draw.gauss(lift, 12)) for k in ours]
        p = signed_rank([Fraction(a - b, n) for a, b in zip(ours, rival, strict=True)]).p
        text = draw.choice((f"{p:.3f}", f"{p:.1e}")) if p >= 0.001 else "< 0.001"
        rows.append({"id": f"r{i}", "label": f"R{i}", "cells": [text], "kind": "derived",
                     "derive": "wilcoxon", "against": "ours"})  # fmt: skip
    table: dict[str, Any] = {"column": [{"id": "p", "label": "p"}], "row": rows}
    paper.truth["pairs"] = None
    if draw.random() < 0.5:
        paper.truth["pairs"] = folds
        table["tested"] = [{"pairs": folds, "source": "over the folds", "method": "exact",
                            "sides": "two-sided"}]  # fmt: skip
    paper.tables["5"] = table


def _large(paper: MadePaper) -> None:
    """Add Table 6: six systems on a data set so large that no accuracy is excluded."""
    draw, habit, decimals = paper.draw, paper.habit, paper.decimals
    runs = draw.choice((1, 3))
    rows = []
    for i, level in enumerate(_levels(draw, 6)):
        cells = []
        for n, shift in ((9981, 0.005), (11005, 0.0)):
            counts = runs_of(draw, min(0.99, level + shift), n, runs)
            auc = 100 - draw.uniform(0.3, 0.5) * (1 - level) * 100 / 10
            cells += [write(behind(counts, n, habit, decimals), habit, decimals),
                      write(auc, habit, decimals)]  # fmt: skip
        rows.append({"id": f"s{i}", "label": f"S{i}", "system": f"s{i}", "kind": "trained",
                     "cells": cells})  # fmt: skip
    paper.tables["6"] = {
        "dataset": "large",
        "column": [{"id": f"{part}-{score}", "label": f"{part}-{score}", "metric": metric}
                   for part, of in (("v", "valid"), ("t", "test"))
                   for score, metric in (("acc", f"{of}.accuracy"), ("auc", f"{of}.auc"))],
        "row": rows,
        "scored": [_scored("v-acc", 9981, runs, ["train", "valid", "test"]),
                   _scored("t-acc", 11005, runs, ["train", "valid", "test"])],
    }  # fmt: skip


def _twice(paper: MadePaper) -> None:
    """Add Table 7: one system, scored on two test sets of one size."""
    draw, habit, decimals = paper.draw, paper.habit, paper.decimals
    level = draw.uniform(0.4, 0.9)
    cells = []
    for _ in range(2):
        right = sum(draw.random() < level for _ in range(200))
        cells.append(write(behind([right], 200, habit, decimals), habit, decimals))
    paper.tables["7"] = {
        "dataset": "seventh",
        "column": [{"id": "t", "label": "t-acc", "metric": "test.accuracy"}],
        "row": [{"id": name, "label": name, "kind": "trained", "system": "one", "cells": [text]}
                for name, text in zip(("here", "there"), cells, strict=True)],
        "scored": [_scored("t", 200, 1, ["train", "valid", "test"])],
        "arithmetic": [{"sentence": "as before", "operation": "same", "of": ["here/t"],
                        "to": ["there/t"]}],
    }  # fmt: skip


# ---- one thing altered -----------------------------------------------------------------------


def _order(paper: MadePaper) -> None:
    """Say of a system that it is better than one whose printed accuracy is higher."""
    rows = paper.tables["1"]["row"]
    values = [Fraction(row["cells"][1]) for row in rows]
    pairs = [(i, j) for i in range(5) for j in range(5) if values[i] - values[j] > Fraction(1, 5)]
    high, low = paper.draw.choice(pairs or [(4, 0)])
    said = paper.tables["1"]["arithmetic"][0]
    said |= {"of": [f"s{low}/t"], "to": [f"s{high}/t"]}


def _cells(paper: MadePaper, number: int) -> None:
    """Replace so many test accuracies of Table 1 by any value within two points."""
    rows = paper.tables["1"]["row"]
    for row in paper.draw.sample(rows, number):
        old, unit = row["cells"][1], 10 ** (-paper.decimals)
        while row["cells"][1] == old:
            value = min(99.9, float(old) + paper.draw.uniform(-2, 2))
            row["cells"][1] = f"{round(value / unit) * unit:.{paper.decimals}f}"
    del paper.tables["1"]["arithmetic"]  # so that only the values themselves can give it away


def _difference(paper: MadePaper) -> None:
    """Claim a difference that is off by 0.3 to 3 points."""
    said = paper.tables["1"]["arithmetic"][1]
    decimals = len(said["claimed"].partition(".")[2])
    off = paper.draw.uniform(0.3, 3) * paper.draw.choice((-1, 1))
    said["claimed"] = f"{float(said['claimed']) + off:.{decimals}f}"


def _size(paper: MadePaper) -> None:
    """State another size of the test set, up to six times as large."""
    scored, n = paper.tables["1"]["scored"][0], paper.truth["n"]
    while scored["sizes"][0]["n"] == [n]:
        scored["sizes"][0]["n"] = [round(n * math.exp(paper.draw.uniform(-1, 1.8)))]


def _p(paper: MadePaper) -> None:
    """Print another p; only papers that state their pairs can be found out."""
    row = paper.draw.choice(paper.tables["5"]["row"])
    row["cells"] = [f"{math.exp(paper.draw.uniform(math.log(0.0005), 0)):.3f}"]


def _spread(paper: MadePaper) -> None:
    """Print another spread."""
    row = paper.draw.choice(paper.tables["3"]["row"])
    mean = row["cells"][0].partition(" ")[0]
    row["cells"] = [f"{mean} ± {paper.draw.uniform(0.05, 3):.{paper.decimals}f}"]


def _uar(paper: MadePaper) -> None:
    """Print another mean recall, up to ten points off."""
    row = paper.draw.choice(paper.tables["3b"]["row"])
    off = paper.draw.uniform(3, 10) * paper.draw.choice((-1, 1))
    row["cells"][1] = f"{min(99.9, float(row['cells'][1]) + off):.{paper.decimals}f}"


def _sum(paper: MadePaper) -> None:
    """Print an increment that is off by 0.3 to 3 points."""
    row = paper.draw.choice(paper.tables["4"]["row"][1:4])
    value = float(row["cells"][0]) + paper.draw.uniform(0.3, 3) * paper.draw.choice((-1, 1))
    row["cells"] = [f"{value:+.{paper.decimals}f}"]


# What is altered: in which table, and how.
ALTERED: dict[str, tuple[str, Callable[[MadePaper], None]]] = {
    "order": ("1", _order),
    "all cells": ("1", lambda paper: _cells(paper, 5)),
    "difference": ("1", _difference),
    "size": ("1", _size),
    "one cell": ("1", lambda paper: _cells(paper, 1)),
    "sum": ("4", _sum),
    "spread": ("3", _spread),
    "recall": ("3b", _uar),
    "p": ("5", _p),
}


def altered(draw: random.Random, habit: str, how: str) -> audit.Report:
    """Return the audit of a table that is honest but for one thing."""
    paper = honest(draw, habit)
    table, alter = ALTERED[how]
    alter(paper)
    return paper.audited(table)


# ---- rates -----------------------------------------------------------------------------------


def alarms(habit: str, papers: int, seed: str) -> dict[str, Any]:
    """Audit so many honest papers: those with a contradiction, and findings and checks by rule."""
    alarmed, made = 0, Counter[str]()
    contradictions, notes = Counter[str](), Counter[str]()
    for i in range(papers):
        report = honest(random.Random(f"{seed}/{habit}/{i}"), habit).audited()
        alarmed += bool(report.contradictions)
        contradictions.update(finding.rule for finding in report.contradictions)
        notes.update(f.rule for f in report.findings if not f.contradiction)
        made.update(report.checks.made)
    return {
        "alarmed": alarmed,
        "contradictions": dict(sorted(contradictions.items())),
        "notes": dict(sorted(notes.items())),
        "asked": sorted(rule for rule, number in made.items() if number),
    }


def found(habit: str, how: str, papers: int, seed: str) -> float:
    """Return the share of altered papers in which a contradiction is found."""
    reports = (altered(random.Random(f"{seed}/{habit}/{i}"), habit, how) for i in range(papers))
    return sum(bool(report.contradictions) for report in reports) / papers
