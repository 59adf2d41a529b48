"""Measure how often the audit raises something on honest papers, and what it finds on altered ones.

    nice python benchmarks/audit_rates.py                measures and writes repro/audit/rates.json
    python benchmarks/audit_rates.py --papers 50         fewer of each kind; 500 take 20 minutes
    python benchmarks/audit_rates.py --into docs/audit.md   writes the tables from rates.json

The papers are made up by tests/audit/papers.py; `repro audit` prints its rates from the file.
"""

import argparse
import json
import sys
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for the tests' made-up papers

from repro.audit import rates  # noqa: E402
from repro.audit.rates import Rates  # noqa: E402
from tests.audit import papers  # noqa: E402

SEED = "rates"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def _honest(job: tuple[str, int]) -> dict[str, object]:
    return papers.alarms(*job, SEED)


def _altered(job: tuple[str, str, int]) -> float:
    return papers.found(*job, SEED)


def measure(number: int) -> dict[str, object]:
    """Return the rates over so many papers of each kind."""
    jobs = [(habit, how, number) for habit in papers.HABITS for how in papers.ALTERED]
    with Pool(2) as pool:
        each = pool.map(_honest, [(habit, number) for habit in papers.HABITS])
        shares = pool.map(_altered, jobs, chunksize=1)
    honest = dict(zip(papers.HABITS, each, strict=True))
    found: dict[str, dict[str, float]] = {habit: {} for habit in papers.HABITS}
    for (habit, how, _), share in zip(jobs, shares, strict=True):
        found[habit][how] = share
    return {
        "papers": number,
        "habits": papers.HABITS,
        "asked": honest["rounded"]["asked"],
        **{
            what: {habit: of[what] for habit, of in honest.items()}
            for what in ("alarmed", "contradictions", "notes")
        },
        "found": found,
    }


def tables(measured: Rates) -> str:
    """Return the rates as Markdown: alarms and notes on honest papers, power on altered ones."""
    habits = measured.habits
    lines = [
        f"On {measured.papers:,} honest papers of each habit:", "",
        "| | " + " | ".join(habits) + " |", "|---" * (len(habits) + 1) + "|",
        _row("papers with a contradiction", (str(measured.alarmed[h]) for h in habits)),
        _row("notes a paper", (f"{measured.notes_a_paper(h):.1f}" for h in habits)),
    ]  # fmt: skip
    rules = sorted({rule for h in habits for rule in measured.notes[h]})
    for rule in rules:
        mean = (f"{measured.notes[h].get(rule, 0) / measured.papers:.2f}" for h in habits)
        lines.append(_row(f"of these, {rule}", mean))
    lines += [
        "", f"Share of {measured.papers:,} altered papers in which a contradiction is found:", "",
        "| altered | " + " | ".join(habits) + " |", "|---" * (len(habits) + 1) + "|",
    ]  # fmt: skip
    for how in measured.found[habits[0]]:
        lines.append(_row(how, (f"{measured.found[h][how]:.2f}" for h in habits)))
    return "\n".join(lines)


def _row(name: str, cells: object) -> str:
    return "| " + " | ".join([name, *cells]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--papers", type=int, default=500)
    parser.add_argument("--into", type=Path, help="a page whose tables are written anew")
    asked = parser.parse_args()
    if asked.into is None:
        rates.FILE.write_text(json.dumps(measure(asked.papers), indent=1) + "\n", encoding="utf-8")
        print(f"wrote {rates.FILE}")
        return
    before, _, rest = asked.into.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = f"{before}{BEGIN}\n{tables(rates.measured())}\n{END}{after}"
    asked.into.write_text(text, encoding="utf-8")
    print(f"wrote {asked.into}")


if __name__ == "__main__":
    main()
