"""What the words of a verdict mean: the one place where they are defined.

Legends, `repro explain`, the report and docs/verdicts.md take their texts from here.
"""

from collections.abc import Collection
from typing import NamedTuple

from repro.plan import marks
from repro.verdict.judgement import REASONS, WORDS


class Term(NamedTuple):
    """A word, in short (under a table) and in full."""

    mark: str  # what stands in a narrow cell; empty: the word itself
    short: str
    full: str


TERMS: dict[str, Term] = {
    "REPRODUCED": Term(
        "REP",
        "our mean is within the margin of the printed value",
        "Two one-sided tests at 5 % show that our mean lies within the margin of the printed "
        "number: the whole 90 % interval of the difference is inside it. The printed number is "
        "taken as it stands, so this says that our mean is close to the print, not that the "
        "authors' own mean is.",
    ),
    "COMPATIBLE": Term(
        "COM",
        "no difference beyond the noise",
        "The difference is no larger than two means of such runs differ by chance (95 % prediction "
        "interval), and that interval is narrow enough to have told a difference that matters. "
        "It is not shown that our mean is within the margin.",
    ),
    "DIFFERENT": Term(
        "DIF",
        "beyond noise and margin",
        "The difference is larger than chance explains (outside the 95 % prediction interval, the "
        "rounding of the print allowed for) and surely larger than the margin. It says that the "
        "two numbers disagree, not who is right: readings of silent points, data and versions "
        "may be the cause.",
    ),
    "INCONCLUSIVE": Term(
        "INC",
        "our runs cannot tell",
        "The runs that are there decide nothing. The reason stands beside the word: one-pass, "
        "wide, borderline, diverged or partial.",
    ),
    "NOT RUN": Term(
        "",
        "no result yet",
        "No complete run or pass of ours stands behind this cell. `repro plan ID` says what it "
        "lacks and what it costs.",
    ),
    "NOT COMPARABLE": Term(
        "NC",
        "not results of one measurement",
        "Ours and the printed value are not results of one measurement: another device, another "
        "test set, or a comparison with a rival of which only a quoted number exists.",
    ),
    "NO VERDICT": Term(
        "NV",
        "such runs say nothing about the print",
        "These runs say nothing about the printed number: a demo, generated audio, a part of the "
        "data, another dataset or another length; or nothing that could be compared is printed. No "
        "difference to the print is given either.",
    ),
    "CITED": Term(
        "",
        "quoted by the paper from other work, nothing of ours",
        "The paper quotes this number from other work. It is not trained here, unless the cell "
        "names the table that does.",
    ),
    "CONFIRMED": Term(
        "CON",
        "our runs show the same",
        "Of a claim or a printed p-value: our runs show the same, significantly (5 %, adjusted by "
        "Holm over all claims that the table declares).",
    ),
    "CONTRADICTED": Term(
        "CTR",
        "our runs show the opposite",
        "Of a claim or a printed p-value: our runs show the opposite, significantly (5 %, adjusted "
        "by Holm over all claims that the table declares).",
    ),
    "UNDECIDED": Term(
        "UND",
        "our runs show neither",
        "Of a claim or a printed p-value: our runs show neither it nor its opposite. With few runs "
        "that is the usual outcome, and no evidence against the claim.",
    ),
}

# What a word means of a cell that has no mean of runs: by what stands in it.
OTHERWISE: dict[str, dict[str, str]] = {
    "a count or a layer": {
        "REPRODUCED": "ours rounds to the print, or is as printed",
        "COMPATIBLE": "another count of ours rounds to the print, and is named",
        "DIFFERENT": "ours is another",
    },
    "a time": {
        "REPRODUCED": "the 90 % interval of its ratio to the print lies within 0.8 and 1.25",
        "DIFFERENT": "the 90 % interval of its ratio to the print lies outside 0.8 to 1.25",
    },
    "a printed /": {
        "REPRODUCED": "no run of ours converges",
        "COMPATIBLE": "some runs of ours diverge, and every second one may",
        "DIFFERENT": "surely less than every second run of ours diverges",
    },
}

# Notions that sentences under a table use.
NOTIONS: dict[str, str] = {
    "margin": "How far our mean may lie from the printed number and still count as equal. For "
    "accuracy and AUC: a quarter of the printed error, at most 1 point; for mAP half a point; for "
    "an increment half of it; never below one unit of the last printed digit. A table file may "
    "declare another.",
    "unit": "What a mean is taken over: a run of a hold-out, or a whole pass over the folds. A "
    "fold is no unit: the spread between folds is not the uncertainty of their average.",
    "pass": "One complete round of a protocol: one run of a hold-out, or all folds once.",
    "prediction interval": "How far two means of such runs lie apart by chance in 95 of 100 cases: "
    "ours, and the paper's with the spread of our runs.",
    "level": "The mean shift of ours against the printed numbers over a table's primary cells, "
    "with its interval over seeds. Apart from the order of the systems.",
    "order": "What our runs say of the comparisons that the paper's text draws: how many claims "
    "are confirmed, undecided and contradicted.",
    "primary": "The cells that vote on a table's word: those of the metric that the paper itself "
    "calls the main one. Validation values, AUC and repeated values do not vote.",
    "declared": "Unit, test, seeds, margin and claims are written into the table file before its "
    "runs; the commit and its date stand under the table, with the date of the first run.",
    "tier": "exact: equal executions give equal weights at every epoch. statistical: on other "
    "hardware or versions only the numbers can be compared.",
    "assumption": "A choice where the paper is silent or contradicts itself, with its reason. "
    "`--assume KEY=VALUE` takes another reading.",
}

# What the words mean where nothing is a mean of runs, by the kind of a cell.
EXACT: dict[str, str] = {
    "measured": "A count has no noise. REPRODUCED: ours rounds (or is cut off) to the printed one. "
    "COMPATIBLE: a named other count of the same network does. Else DIFFERENT. A time is compared "
    "only where it was measured on the printed device: REPRODUCED where the 90 % interval of the "
    "ratio of medians lies within 0.8 to 1.25.",
    "structural": "A layer's entry has no noise: it is the printed one (REPRODUCED) or another "
    "(DIFFERENT).",
}


def short(word: str, about: Collection[str]) -> str:
    """Return what a word means in short: of means (""), and of all else that is asked about."""
    parts = [TERMS[word].short] if "" in about or not about else []
    parts += [
        f"of {kind}, {texts[word]}"
        for kind, texts in OTHERWISE.items()
        if kind in about and word in texts
    ]
    return "; ".join(parts) or TERMS[word].short


def known() -> list[str]:
    """Return every word, reason, notion and mark of a title that has a meaning here."""
    return [*WORDS, *REASONS, *NOTIONS, *marks.MEANS]


def meaning(name: str) -> str:
    """Return what a word, a reason, a notion or a mark of a title means, in full."""
    if name in TERMS:
        others = [f" Of {kind}: {t[name]}." for kind, t in OTHERWISE.items() if name in t]
        return TERMS[name].full + "".join(others)
    if name in REASONS:
        return f"Why a cell is INCONCLUSIVE: {REASONS[name]}."
    return f"A mark of a title: {marks.MEANS[name]}" if name in marks.MEANS else NOTIONS[name]
