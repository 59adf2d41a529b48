"""What the three lists of AudioSet share: reading segments, naming their audio."""

import csv
import re
from pathlib import Path
from typing import Any

from repro.data.cards import Card
from repro.data.lists import Clip
from repro.errors import UserError

LICENCE = "lists CC BY 4.0 (Google); the audio is YouTube's, not redistributable"
SOURCE = "Gemmeke et al. 2017, ICASSP; the audio is downloaded from YouTube by the user"
BIBTEX = """\
@inproceedings{gemmeke2017audioset,
  title     = {{Audio Set}: An Ontology and Human-Labeled Dataset for Audio Events},
  author    = {Gemmeke, Jort F. and Ellis, Daniel P. W. and Freedman, Dylan and Jansen, Aren and
               Lawrence, Wade and Moore, R. Channing and Plakal, Manoj and Ritter, Marvin},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP)},
  pages     = {776--780},
  year      = {2017},
  doi       = {10.1109/ICASSP.2017.7952261}
}"""
LAYOUT = (
    "one file for each segment: <video>, <video>_<start> or <video>_<start>_<end> in s or ms, with "
    "or without Y before it, .wav or .flac"
)
_LONGEST_MS = 10_000.0  # of a segment
BY_HAND = (
    "AudioSet's audio is the user's to take from YouTube, segment by segment, as far as it exists; "
    "each video's start and end are in Google's own list"
)
_FILE = re.compile(r"Y?(?P<video>[A-Za-z0-9_-]{11})_(?P<start>\d+(\.\d+)?)(_(?P<end>\d+(\.\d+)?))?")
_HEADER = re.compile(r"#.*num_segs=(\d+)")


def segments(file: Path, part: str) -> list[Clip]:
    """List the segments of one of AudioSet's own CSV files; all are in `part`.

    A clip's id is <video>_<start in ms>.wav, its labels the sorted machine ids (/m/...), its group
    the video. UserError if the file is missing, or holds other than the count its header states.
    """
    return [_clip(video, start, labels, part) for video, start, _, labels in _rows(file)]


def lengths(file: Path) -> dict[str, float]:
    """Return the seconds of each segment of such a file: its end - its start."""
    return {
        _clip(video, start, labels, "").id: float(end) - float(start)
        for video, start, end, labels in _rows(file)
    }


def _rows(file: Path) -> list[list[str]]:
    try:
        with file.open(newline="") as stream:
            lines = stream.readlines()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); it is AudioSet's own list"
                        ) from error  # fmt: skip
    rows = list(csv.reader((line for line in lines if line[0] != "#"), skipinitialspace=True))
    stated = next((int(m[1]) for m in map(_HEADER.match, lines[:5]) if m), len(rows))
    if stated != len(rows):
        raise UserError(f"{file}: {len(rows):,} segments, but its header states {stated:,}")
    return rows


def _clip(video: str, start: str, labels: str, part: str) -> Clip:
    name = f"{video}_{round(1000 * float(start))}.wav"
    return Clip(name, ";".join(sorted(set(labels.split(",")))), video, part)


def _video(clip: str) -> str:
    return f"{clip.rpartition('_')[0]}.wav"


def _y_video(clip: str) -> str:
    return f"Y{_video(clip)}"


def spelt(stem: str) -> list[str]:
    """Return the stems of the segments that a file may stand for, whatever unit its times are in.

    <video>_<start>_<end> as downloaders write it, Y<video>_30.000_40.000 as DCASE does, six digits
    of seconds (000030). A list has each video once, so only one of them is in it.
    """
    found = _FILE.fullmatch(stem)
    if found is None:
        return []
    start, end = found["start"], found["end"]
    if end is not None and not 0 < float(end) - float(start) <= _LONGEST_MS:
        return []
    in_seconds, in_ms = round(1000 * float(start)), round(float(start))
    units = {in_seconds, in_ms}
    if end is not None:  # ten seconds at most are told from ten thousand milliseconds
        units = {in_seconds if float(end) - float(start) <= _LONGEST_MS / 1000 else in_ms}
    elif "." in start or (len(start) == 6 and start[0] == "0"):
        units = {in_seconds}
    return [f"{found['video']}_{unit}" for unit in sorted(units)]


LAYOUTS = (str, _video, _y_video)


def card(part: str, kind: str, clips: int | None, file: str, **more: Any) -> Card:
    """Return the card of one of the lists; `kind` is its name in words, `part` its official part.

    `file` is AudioSet's own CSV, read from the folder that a list is rebuilt from.
    """
    return Card(
        title=f"AudioSet, {kind} list (527 labels)",
        licence=LICENCE,
        source=SOURCE,
        bibtex=BIBTEX,
        layout=LAYOUT,
        rate=None,
        channels=None,
        seconds=10.0,
        clips=clips,
        group="video",
        rebuild=lambda root: segments(root / file, part),
        lengths=lambda root: lengths(root / file),
        multilabel=True,
        min_share=0.85,
        layouts=LAYOUTS,
        spelt=spelt,
        **{"by_hand": BY_HAND, **more},
    )
