"""UrbanSound8K: street noises of up to four seconds in ten folds (Salamon, Jacoby, Bello 2014)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.data.cards import Archive, Card, Hub
from repro.data.datasets import _table
from repro.data.lists import Clip

LIST = "UrbanSound8K.csv"


def rebuild(root: Path) -> list[Clip]:
    """List the clips from the dataset's own table, metadata/UrbanSound8K.csv or beside it.

    A clip's group is the recording on freesound.org that it is cut from (fsID).
    """
    return [_clip(row) for row in _table.rows(root, "metadata", LIST, "urbansound8k")]


def lengths(root: Path) -> dict[str, float]:
    """Return the seconds of each clip from the same table: end - start of its cut."""
    rows = _table.rows(root, "metadata", LIST, "urbansound8k")
    return {_clip(row).id: float(row["end"]) - float(row["start"]) for row in rows}


def _clip(row: dict[str, str]) -> Clip:
    path = f"audio/fold{row['fold']}/{row['slice_file_name']}"
    return Clip(path, row["class"], row["fsID"], row["fold"])


def _of_row(row: Mapping[str, Any]) -> str:
    return f"audio/fold{row['fold']}/{row['slice_file_name']}"


BIBTEX = """\
@inproceedings{salamon2014urbansound,
  title     = {A Dataset and Taxonomy for Urban Sound Research},
  author    = {Salamon, Justin and Jacoby, Christopher and Bello, Juan Pablo},
  booktitle = {Proceedings of the 22nd ACM International Conference on Multimedia},
  pages     = {1041--1044},
  year      = {2014},
  doi       = {10.1145/2647868.2655045}
}"""

CARD = Card(
    title="UrbanSound8K (10 classes, 10 folds)",
    licence="CC BY-NC 3.0",
    source="Salamon, Jacoby, Bello 2014, ACM Multimedia; Zenodo record 1203745 (6 GB)",
    bibtex=BIBTEX,
    layout="audio/fold1 ... fold10 with <fsID>-<class>-<n>-<m>.wav, metadata/UrbanSound8K.csv",
    rate=None,
    channels=None,
    seconds=4.0,
    clips=8732,
    group="recording (fsID)",
    rebuild=rebuild,
    lengths=lengths,
    layouts=(str, _table.without_audio),
    archive=Archive(
        name="UrbanSound8K.tar.gz",
        urls=("https://zenodo.org/records/1203745/files/UrbanSound8K.tar.gz",),
        digest="md5:9aa69802bbf37fb986f71ec1483a196e",
        stated_by="soundata",
        unpacked=20_000_000_000,
        root="UrbanSound8K",
    ),
    hub=Hub(
        name="danavery/urbansound8K",
        revision="8aa9177a0c5a6949ee4ee4b7fcabb01dfd4ae466",
        stated_by="the tasks of MTEB",
        clip=_of_row,
    ),
)
