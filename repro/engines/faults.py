"""Whose fault it is that a run did not end well: its own, a device's or a disk's.

A run's fault is recorded and the rest goes on. A device's (an error after which no kernel runs in
that process any more) ends the process, and the run is tried once more in a new one; a device that
refuses a new process, or on which two runs in a row have failed so twice, is given up. A disk that
takes nothing more would fail every run: none is started any more.
"""

from dataclasses import dataclass, field

from repro.errors import UserError

STRIKES = 2  # runs in a row that a device may spoil for good


class RefusedError(UserError):
    """A device that cannot be used at all: no run was begun on it."""


@dataclass
class Faults:
    """What devices and a disk have done so far."""

    retired: dict[str, str] = field(default_factory=dict)  # device -> why it was given up
    disk: str = ""  # why nothing more can be written
    _tried: set[str] = field(default_factory=set)  # runs that have had a device's fault
    _strikes: dict[str, int] = field(default_factory=dict)

    def spoilt(self, device: str, run: str, cause: str) -> bool:
        """Note that a device has spoilt a run; tell whether the run is to be tried again."""
        if run not in self._tried:
            self._tried.add(run)
            return True
        self._strikes[device] = self._strikes.get(device, 0) + 1
        if self._strikes[device] >= STRIKES:
            self.retired[device] = cause
        return False

    def served(self, device: str) -> None:
        """Note that a run has ended on a device by itself."""
        self._strikes.pop(device, None)

    def why_not(self) -> str:
        """Return why what still waits was not started."""
        if self.disk:
            return f"not started: {self.disk}"
        given_up = [f"{device} was given up ({why})" for device, why in self.retired.items()]
        why = "; ".join(given_up) or "no worker process could start"
        return f"not started: {why}; see repro doctor"
