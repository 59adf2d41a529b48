"""ESC-50: 50 classes of environmental sounds, five seconds each, in five folds (Piczak 2015)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.data.cards import Archive, Card, Hub
from repro.data.datasets import _table
from repro.data.lists import Clip

LIST = "esc50.csv"


def rebuild(root: Path) -> list[Clip]:
    """List the clips from the dataset's own table, meta/esc50.csv or beside it.

    A clip's group is the recording on freesound.org that it is cut from (src_file).
    """
    return [clip_of(row) for row in _table.rows(root, "meta", LIST, "esc50")]


def clip_of(row: dict[str, str]) -> Clip:
    """Return the clip of a row of the table."""
    return Clip(f"audio/{row['filename']}", row["category"], row["src_file"], row["fold"])


def _of_row(row: Mapping[str, Any]) -> str:
    return f"audio/{row['filename']}"


BIBTEX = """\
@inproceedings{piczak2015esc,
  title     = {{ESC}: Dataset for Environmental Sound Classification},
  author    = {Piczak, Karol J.},
  booktitle = {Proceedings of the 23rd ACM International Conference on Multimedia},
  pages     = {1015--1018},
  year      = {2015},
  doi       = {10.1145/2733373.2806390}
}"""

HUB = Hub(
    name="ashraq/esc50",
    revision="e3e2a63ffff66b9a9735524551e3818e96af03ee",
    stated_by="the tasks of MTEB",
    clip=_of_row,
    size=773_320_991,
)

CARD = Card(
    title="ESC-50 (50 classes, 5 folds)",
    licence="CC BY-NC 3.0 (its ESC-10 part: CC BY 3.0)",
    source="Piczak 2015, ACM Multimedia; archive ESC-50-master.zip (0.6 GB)",
    bibtex=BIBTEX,
    layout="audio with <fold>-<source>-<take>-<class>.wav (or .ogg, .flac), meta/esc50.csv",
    rate=44100,
    channels=1,
    seconds=5.0,
    shortest=4.99,
    clips=2000,
    group="recording (src_file)",
    rebuild=rebuild,
    layouts=(str, _table.without_audio),
    archive=Archive(
        name="ESC-50-master.zip",
        urls=("https://github.com/karolpiczak/ESC-50/archive/master.zip",),
        digest="md5:7771e4b9d86d0945acce719c7a59305a",  # of one snapshot; GitHub may pack another
        stated_by="soundata",
        unpacked=3_000_000_000,
        root="ESC-50-master",
    ),
    hub=HUB,
)
