"""ESC-10: the ten classes of ESC-50 that are easiest to tell apart, 400 clips (Piczak 2015)."""

import dataclasses
from pathlib import Path

from repro.data.datasets import _table, esc50
from repro.data.lists import Clip

# ESC-50's number of a class -> the folder in which ESC-10 was first published.
FOLDERS = {"0": "001 - Dog bark", "10": "002 - Rain", "11": "003 - Sea waves",
           "20": "004 - Baby cry", "38": "005 - Clock tick", "21": "006 - Person sneeze",
           "40": "007 - Helicopter", "41": "008 - Chainsaw", "1": "009 - Rooster",
           "12": "010 - Fire crackling"}  # fmt: skip


def rebuild(root: Path) -> list[Clip]:
    """List the clips that ESC-50's own table marks as ESC-10's; see `esc50.rebuild`."""
    rows = _table.rows(root, "meta", esc50.LIST, "esc10")
    return [esc50.clip_of(row) for row in rows if row["esc10"].lower() == "true"]


def first_published(clip: str) -> str:
    """Return where the first edition keeps a clip: audio/1-100032-A-0.wav is a dog's 1-100032-A."""
    take, _, number = Path(clip).stem.rpartition("-")
    return f"{FOLDERS[number]}/{take}.wav"


CARD = dataclasses.replace(
    esc50.CARD,
    title="ESC-10 (10 classes of ESC-50, 5 folds)",
    licence="CC BY 3.0",  # unlike the rest of ESC-50
    source="Piczak 2015, ACM Multimedia; a part of archive ESC-50-master.zip (0.6 GB)",
    layout="ESC-50's folders, or the first edition's (001 - Dog bark ... with 1-100032-A.ogg)",
    seconds=7.25,  # of the first edition; ESC-50's are cut to five
    shortest=3.6,
    clips=400,
    rebuild=rebuild,
    layouts=(*esc50.CARD.layouts, first_published),
    hub=dataclasses.replace(esc50.HUB, whole=False),
)
