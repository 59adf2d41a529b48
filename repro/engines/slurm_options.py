"""Options of sbatch: the user's in place of ours, where both speak of one thing.

Memory, for one, can be asked for by node, by processor and by GPU. Where the user names any of such
a group, ours of it goes: Slurm would refuse both, or add them up.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from repro.errors import UserError

# Of short names, the long one.
_LONG = {
    "A": "account", "C": "constraint", "D": "chdir", "G": "gpus", "J": "job-name", "L": "licenses",
    "M": "clusters", "N": "nodes", "a": "array", "c": "cpus-per-task", "d": "dependency",
    "e": "error", "n": "ntasks", "o": "output", "p": "partition", "q": "qos", "t": "time",
    "w": "nodelist", "x": "exclude",
}  # fmt: skip
_GROUPS = (
    ("gpus-per-node", "gpus", "gpus-per-task", "gpus-per-socket", "gres", "tres-per-job",
     "tres-per-node", "tres-per-socket", "tres-per-task"),
    ("mem", "mem-per-cpu", "mem-per-gpu"),
    ("cpus-per-task", "cpus-per-gpu"),
    ("requeue", "no-requeue"),
)  # fmt: skip
_OF_GPUS = ("gres", "tres-per-job", "tres-per-node", "tres-per-socket", "tres-per-task")
# What a task is, and where its words go, follows from the runs; submit, status and resume count on
# it.
_FIXED = ("array", "error", "nodes", "ntasks", "ntasks-per-node", "open-mode", "output", "parsable",
          "test-only", "wait", "wrap")  # fmt: skip
_TIME = re.compile(
    r"(?P<days>\d+)-(?P<hours>\d+)(?::(?P<m>\d+))?(?::(?P<s>\d+))?"
    r"|(?P<h>\d+):(?P<mm>\d+):(?P<ss>\d+)"
    r"|(?P<minutes>\d+)(?::(?P<seconds>\d+))?"
)

Options = dict[str, str | bool]


def given(texts: Iterable[str]) -> Options:
    """Read what a user asks of sbatch: KEY=VALUE; KEY is a flag, and KEY= takes ours out.

    UserError for what is no option, is not the user's to set, or is a time that Slurm cannot read.
    """
    found: Options = {}
    for text in texts:
        key, sign, value = text.lstrip("-").partition("=")
        name = _LONG.get(key, key.replace("_", "-"))
        if not re.fullmatch(r"[a-z][a-z-]*", name):
            raise UserError(f"--slurm-option {text!r}: expected KEY=VALUE, as sbatch has it",
                            "--slurm-option partition=gpu")  # fmt: skip
        if name in _FIXED:
            raise UserError(
                f"--slurm-option {text!r}: each run is a task of its own, with a log of its own; "
                f"{name} follows from that",
                "leave it out; --dry-run shows the script",
            )
        if "\n" in value or "\0" in value:
            raise UserError(f"--slurm-option {text!r}: a value is one line", "--dry-run")
        if name == "time" and sign and value:
            minutes(value)
        found[name] = value if sign else True
    return found


def laid_over(ours: Mapping[str, Any], theirs: Options) -> dict[str, Any]:
    """Return our options with the user's over them: one group is one thing, and "" takes it out."""
    taken: set[str] = set()
    for name, value in theirs.items():
        group = next((names for names in _GROUPS if name in names), (name,))
        # Generic resources are other things too: scratch disks, licences.
        about = name not in _OF_GPUS or value == "" or "gpu" in str(value)
        taken |= set(group) if about else {name}
    kept = {name: value for name, value in ours.items() if name not in taken}
    return {**kept, **{name: value for name, value in theirs.items() if value != ""}}


def minutes(text: str) -> int | None:
    """Return a limit of time in minutes, rounded up; None for one without an end.

    sbatch reads minutes, minutes:seconds, hours:minutes:seconds, days-hours,
    days-hours:minutes and days-hours:minutes:seconds. UserError for anything else.
    """
    if text.upper() in ("UNLIMITED", "INFINITE"):
        return None
    read = _TIME.fullmatch(text)
    if read is None or not re.fullmatch(r"[\d:-]+", text, re.ASCII):
        raise UserError(f"--slurm-option {'time=' + text!r}: not a time that sbatch can read",
                        "--slurm-option time=240, time=4:00:00 or time=2-00:00:00")  # fmt: skip
    part = {name: int(value or 0) for name, value in read.groupdict().items()}
    hours = 24 * part["days"] + part["hours"] + part["h"]
    whole = 60 * hours + part["m"] + part["mm"] + part["minutes"]
    return whole + math.ceil((part["s"] + part["ss"] + part["seconds"]) / 60)
