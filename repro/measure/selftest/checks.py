"""A check of a selftest: one line of what was asked, what came out, and what was expected."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

OK, FAIL, SLOW = "ok", "FAIL", "SLOW"
# The next step where two trainings of one run differ.
AGAIN = "the device or its driver computes otherwise each time: keep runs off it"


@dataclass(frozen=True)
class Check:
    """What a check came to. FAIL: results cannot be trusted; SLOW: they can, and take longer."""

    name: str
    status: str
    value: str
    expected: str = ""
    next_step: str = ""

    @property
    def line(self) -> str:
        """Write it as a line; expectation and next step only where it is not met."""
        text = f"{self.status:<4}  {self.name:<22}  {self.value}"
        if self.status != OK:
            text += f" (expected: {self.expected})" if self.expected else ""
            text += f" -> {self.next_step}" if self.next_step else ""
        return text


def tried(
    name: str, attempt: Callable[[], Any], expected: Any, next_step: str, said: str = ""
) -> Check:
    """Return the check whether an attempt gives what is expected; an error of it is a FAIL.

    said: what is expected, in words, where the value itself says little.
    """
    wanted = said or str(expected)
    try:
        found = attempt()
    except Exception as error:  # noqa: BLE001  # whatever the device does is what is asked
        return Check(name, FAIL, in_a_line(error), wanted, next_step)
    met = found == expected
    return Check(name, OK if met else FAIL, wanted if met else str(found), wanted, next_step)


def in_a_line(error: BaseException) -> str:
    """Write an error as a line."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
