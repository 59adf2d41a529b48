"""Which card a device's name means, and how a process comes to see that card alone.

A card is called cuda:N, by its number among those that are visible, or cuda:GPU-... and
cuda:MIG-..., by the name that `nvidia-smi -L` prints. A process that trains sees one card, as its
cuda:0: nothing that it does can land on another's. Nothing here imports PyTorch.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from itertools import takewhile

from repro.errors import UserError

VARIABLE = "CUDA_VISIBLE_DEVICES"
NUMBER = r"[0-9]+"
NAMED = r"(?:GPU|MIG)-[\w/.-]+"  # of MIG devices also MIG-GPU-<card>/<instance>/<compute instance>
_ENTRY = re.compile(rf"{NUMBER}|{NAMED}", re.ASCII)
_LISTED = re.compile(r"^(\s*)\S.*\(UUID: ([^)\s]+)\)\s*$")


def alone(device: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what a process needs in its environment to see this device alone; empty for the CPU.

    environment: the one here, whose own choice of cards a number counts in. UserError for a number
    beyond it.
    """
    kind, _, card = device.partition(":")
    if kind != "cuda":
        return {}
    seen = _seen(environment)
    if seen is None or not card.isdecimal():
        return {VARIABLE: card}
    if int(card) >= len(seen):
        raise UserError(
            f"{device} is not here: {len(seen)} CUDA devices are visible "
            f"({VARIABLE}={environment[VARIABLE]})",
            f"a number below {len(seen)}, or another {VARIABLE}" if seen else f"unset {VARIABLE}",
        )
    return {VARIABLE: seen[int(card)]}


def every(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of all cards that are visible here; of a card in parts, its MIG devices.

    UserError where there is none, or where nothing tells.
    """
    seen = _seen(environment)
    if seen is None:
        return [f"cuda:{card}" for card in _listed()]
    if not seen:
        raise UserError(f"--gpu all: {VARIABLE}={environment[VARIABLE]} hides every card",
                        f"unset {VARIABLE}")  # fmt: skip
    return [f"cuda:{number}" for number in range(len(seen))]


def _seen(environment: Mapping[str, str]) -> list[str] | None:
    """Return the cards that the environment shows, in order; None where it says nothing.

    CUDA reads them up to the first that is none, such as -1.
    """
    if VARIABLE not in environment:
        return None
    entries = (entry.strip() for entry in environment[VARIABLE].split(","))
    return list(takewhile(_ENTRY.fullmatch, entries))


def _listed() -> list[str]:
    """Return numbers of the cards that the driver lists; names where one is in parts."""
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60)
        lines = done.stdout.splitlines() if done.returncode == 0 else []
    except (OSError, subprocess.TimeoutExpired):
        lines = []
    cards: list[list[str]] = []  # each with its parts
    for found in filter(None, map(_LISTED.match, lines)):
        if not found[1]:
            cards.append([found[2]])
        elif cards:
            cards[-1].append(found[2])
    if not cards:
        raise UserError(
            "--gpu all: nvidia-smi -L lists no card here", "--gpu 0,1 names them; repro doctor"
        )
    if all(len(card) == 1 for card in cards):
        return [str(number) for number in range(len(cards))]
    return [part for card in cards for part in card[1:] or card]
