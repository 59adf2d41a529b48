"""Forty values that all end in 7, which chance gives once in 10^39, and forty that end evenly."""

from tests.audit.tables import ACCURACY, stated, table


def ending(digits: list[int]) -> list[dict[str, object]]:
    texts = {f"s{i}": [f"{50 + i}.{i % 10}{digit}"] for i, digit in enumerate(digits)}
    return [table(texts, ACCURACY, scored=stated(11005))]


FOUND = ending([7] * 40)
LEFT = ending([*range(10)] * 4)
