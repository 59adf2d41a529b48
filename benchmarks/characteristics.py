"""How often verdicts say what, by simulation: the tables of docs/verdicts.md.

    python benchmarks/characteristics.py                  prints them
    python benchmarks/characteristics.py --into docs/verdicts.md

Runs are normal with standard deviation s, the margin is 1, the printed mean is over m runs with the
same s. The words are chosen by the rule itself (`repro.verdict.judgement.decide`).
"""

import argparse
import math
from pathlib import Path

import numpy as np
from scipy import stats

from repro.stats.equivalence import closeness
from repro.stats.summary import Estimate
from repro.verdict.judgement import FOUR, decide

DRAWS = 20_000
SEED = 20261128
BEGIN, END = "<!-- simulated: begin -->", "<!-- simulated: end -->"


def words(
    s: float,
    n: int,
    m: int,
    shift: float,
    draws: int = DRAWS,
    seed: int = SEED,
    fixed: bool = False,
) -> dict[str, float]:
    """Return the share of each word; `fixed`: the print is the paper's true mean."""
    rng = np.random.default_rng([seed, n, m, round(100 * s), round(100 * shift)])
    ours = rng.normal(shift, s, (draws, n))
    paper = np.zeros(draws) if fixed else rng.normal(0, s, (draws, m)).mean(axis=1)
    sds, means = ours.std(axis=1, ddof=1), ours.mean(axis=1)
    said = []
    for mean, sd, printed in zip(means.tolist(), sds.tolist(), paper.tolist(), strict=True):
        estimate = Estimate(mean, sd, sd / math.sqrt(n), n - 1)
        said.append(decide(closeness(estimate, printed, 1.0, m), 1.0, n - 1)[0])
    return {word: said.count(word) / draws for word in FOUR}


def passes(
    effect: float, k: int = 5, r: int = 3, draws: int = DRAWS, seed: int = SEED
) -> tuple[float, float, float, float]:
    """Return false REPRODUCED and power, by folds alone and by the larger standard error.

    effect: of the pass on all its k folds, in s_w. The margin is four true standard errors; false
    is REPRODUCED where the truth is one margin away, power where it is not away at all.
    """
    rng = np.random.default_rng([seed, k, r, round(100 * effect)])
    y = rng.normal(0, 1, (draws, r, k)) + rng.normal(0, effect, (draws, r, 1))
    mean = y.mean(axis=(1, 2))
    by_folds = np.sqrt(y.var(axis=1, ddof=1).mean(axis=1) / (k * r))
    by_passes = np.sqrt(y.mean(axis=2).var(axis=1, ddof=1) / r)
    margin = 4 * math.sqrt(effect**2 / r + 1 / (k * r))
    t = stats.t.ppf(0.95, [k * (r - 1), r - 1])
    larger = np.where(by_passes > by_folds, t[1] * by_passes, t[0] * by_folds)
    shares = []
    for e in (t[0] * by_folds, larger):
        shares += [np.mean(np.abs(mean + margin) + e < margin), np.mean(np.abs(mean) + e < margin)]
    return tuple(float(share) for share in shares)


def rows_of_words() -> list[tuple[float, int, int, float]]:
    """Return s, n, m and shift of the rows of the first table."""
    return [(s, n, 3, shift) for s in (0.25, 0.5, 1.0) for n in (3, 5, 10)
            for shift in (0.0, 1.0, 2.0)]  # fmt: skip


def rows_of_false() -> list[tuple[int, int]]:
    """Return n and m of the rows of the second table."""
    return [(n, m) for m in (3, 1) for n in (3, 5, 10, 20)]


EFFECTS = (0.0, 0.25, 0.5, 1.0)


def tables() -> str:
    """Write the three tables."""
    lines = [
        "| s | n | m | true shift | REPRODUCED | COMPATIBLE | DIFFERENT | INCONCLUSIVE |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for s, n, m, shift in rows_of_words():
        got = " | ".join(f"{share:.3f}" for share in words(s, n, m, shift).values())
        lines.append(f"| {s:g} | {n} | {m} | {shift:g} | {got} |")
    lines += [
        "",
        "False REPRODUCED, the true means one margin apart, s = 0.2:",
        "",
        "| n | m | against the printed number | against the paper's own mean |",
        "| --- | --- | --- | --- |",
    ]
    for n, m in rows_of_false():
        printed = words(0.2, n, m, 1.0, fixed=True)["REPRODUCED"]
        own = words(0.2, n, m, 1.0)["REPRODUCED"]
        lines.append(f"| {n} | {m} | {printed:.3f} | {own:.3f} |")
    lines += [
        "",
        "Three passes over five fixed folds, by an effect of the pass in s_w:",
        "",
        "| effect | false, folds alone | power, folds alone | false, the rule | power, the rule |",
        "| --- | --- | --- | --- | --- |",
    ]
    for effect in EFFECTS:
        got = " | ".join(f"{share:.3f}" for share in passes(effect))
        lines.append(f"| {effect:g} | {got} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, help="put the tables between the marks of this file")
    into = parser.parse_args().into
    made = tables()
    if into is None:
        print(made)
        return
    before, _, rest = into.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    into.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
