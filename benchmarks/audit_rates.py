"""Measure how often the audit raises something on honest papers, and what it finds on altered ones.

    python -m benchmarks.audit_rates [papers]

Makes up papers (tests/audit/papers.py), audits them and writes repro/audit/rates.json, from which
`repro audit` prints its rates. 500 papers of each kind take some 20 minutes on two cores.
"""

import json
import sys
from multiprocessing import Pool

from repro.audit.rates import FILE
from tests.audit import papers

SEED = "rates"


def _honest(job: tuple[str, int]) -> dict[str, object]:
    return papers.alarms(*job, SEED)


def _altered(job: tuple[str, str, int]) -> float:
    return papers.found(*job, SEED)


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    jobs = [(habit, how, number) for habit in papers.HABITS for how in papers.ALTERED]
    with Pool(2) as pool:
        honest = dict(
            zip(papers.HABITS, pool.map(_honest, [(h, number) for h in papers.HABITS]), strict=True)
        )
        shares = pool.map(_altered, jobs, chunksize=1)
    rates = {
        "papers": number,
        "habits": papers.HABITS,
        "asked": honest["rounded"]["asked"],
        **{
            what: {habit: found[what] for habit, found in honest.items()}
            for what in ("alarmed", "contradictions", "notes")
        },
        "found": {habit: {} for habit in papers.HABITS},
    }
    for (habit, how, _), share in zip(jobs, shares, strict=True):
        rates["found"][habit][how] = share
    FILE.write_text(json.dumps(rates, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
