"""How verdicts are said: numbers, intervals, and one sentence for each word of the rule."""

from repro.verdict.judgement import REASONS, CellVerdict

MINUS = "\u2212"


def number(value: float, decimals: int, signed: bool = False) -> str:
    """Write a number with a true minus sign."""
    text = f"{value:+.{decimals}f}" if signed else f"{value:.{decimals}f}"
    return text.replace("-", MINUS)


def interval(low: float, high: float, decimals: int = 2) -> str:
    """Write an interval."""
    return f"[{number(low, decimals)}, {number(high, decimals)}]"


def p_value(p: float) -> str:
    """Write a p-value, never as zero."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def many(number: int, what: str) -> str:
    """Write a number of things, of which one has no s."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def units(n: int, folds: int) -> str:
    """Write how many units stand behind a mean."""
    if folds == 1:
        return many(n, "run")
    return f"{n} pass over {folds} folds" if n == 1 else f"{n} passes over {folds} folds"


def told(verdict: CellVerdict, printed: str, decimals: int, folds: int) -> str:
    """Write the sentence of a cell that the rule has decided on."""
    assert verdict.mean is not None
    assert verdict.difference is not None
    digits = max(decimals, 2)
    lead = (
        f"ours {number(verdict.mean, digits)} ({units(verdict.n, folds)}), printed {printed}, "
        f"difference {number(verdict.difference, digits, signed=True)}"
    )
    return f"{_word(verdict)}: {lead}; {_because(verdict, digits)}."


def _word(verdict: CellVerdict) -> str:
    return f"{verdict.word} ({verdict.reason})" if verdict.reason else verdict.word


def _because(verdict: CellVerdict, digits: int) -> str:
    """Say what the word rests on."""
    if verdict.interval is None or verdict.h is None or verdict.margin is None:
        return REASONS[verdict.reason]
    ninety = f"90 % interval {interval(*verdict.interval, digits)}"
    margin = f"±{number(verdict.margin, digits)}"
    prediction = f"±{number(verdict.h, digits)}"
    match verdict.word, verdict.reason:
        case "REPRODUCED", _:
            assert verdict.p is not None
            text = f"{ninety} within {margin} ({p_value(verdict.p)})"
            return f"{text}; {verdict.note}" if verdict.note else text
        case "COMPATIBLE", "part":
            return f"{ninety} within {margin}, but on part of the dataset"
        case "COMPATIBLE", _:
            return (
                f"within the 95 % prediction interval of {prediction}; not shown to be within "
                f"{margin} ({ninety})"
            )
        case "DIFFERENT", _:
            return f"outside the 95 % prediction interval of {prediction} and beyond {margin}"
        case "INCONCLUSIVE", "borderline":
            return (
                f"outside the 95 % prediction interval of {prediction}, but not surely beyond "
                f"{margin} ({ninety})"
            )
        case _:
            told = f"a difference below {number(verdict.h, digits)} could not have been told"
            return f"{REASONS[verdict.reason]}: {told}"
