"""Six places that differ by some 10 points coincide by chance with P = .002; by .02 often."""

from tests.audit.tables import ACCURACY, table


def pair(second: list[str]) -> list[dict[str, object]]:
    first = ["91.76", "80.12", "70.40"]
    return [
        table({f"s{i}": [t] for i, t in enumerate(texts)}, ACCURACY, dataset=name)
        for name, texts in (("one", first), ("two", second))
    ]


FOUND = pair(["91.76", "93.15", "60.21"])
LEFT = pair(["91.76", "80.14", "70.38"])
