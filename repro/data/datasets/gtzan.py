"""GTZAN: 1,000 tracks of 30 s in ten genres (Tzanetakis, Cook 2002), faults included.

Official here is the fault-filtered split of 443 / 197 / 290 tracks (Sturm 2013 lists the faults);
70 tracks are in no part of it. Tracks that are equal byte by byte share a group.
"""

import json
from collections import defaultdict
from pathlib import Path

from repro.data.cards import Archive, Card
from repro.data.folders import names
from repro.data.lists import Clip
from repro.errors import UserError

GENRES = ("blues", "classical", "country", "disco", "hiphop",
          "jazz", "metal", "pop", "reggae", "rock")  # fmt: skip
LISTS = {"train": "train_filtered.txt", "valid": "valid_filtered.txt", "test": "test_filtered.txt"}
INDEX = "mirdata_gtzan_genre_index_1.0.json"  # md5 of each file


def rebuild(root: Path) -> list[Clip]:
    """List the tracks of genres/ (or of the index), with the parts of the filtered lists in `root`.

    Without the three lists every part is empty; without the index equal tracks share no group.
    """
    tracks = _tracks(root)
    if not tracks:
        raise UserError(f"{root}: no GTZAN tracks; expected {CARD.layout}")
    parts = {
        track: part
        for part, file in LISTS.items()
        if (root / file).is_file()
        for track in (root / file).read_text().split()
    }
    twins: dict[str, list[str]] = defaultdict(list)
    for path, digest in hashes(root).items():
        twins[digest].append(Path(path).stem)
    first = {track: min(same) for same in twins.values() for track in same}
    return [
        Clip(_path(track), track.partition(".")[0], first.get(track, track), parts.get(track, ""))
        for track in sorted(tracks)
    ]


def hashes(root: Path) -> dict[str, str]:
    """Return the md5 of each track's wav file, from the index in `root`."""
    file = root / INDEX
    if not file.is_file():
        return {}
    tracks = json.loads(file.read_text())["tracks"]
    return {_path(track): f"md5:{about['audio'][1]}" for track, about in tracks.items()}


def _tracks(root: Path) -> set[str]:
    """Return the names of the tracks there, such as blues.00000."""
    found = {Path(path).stem for path in hashes(root)}
    for genre in GENRES:
        for folder in (root / "genres" / genre, root / genre):
            found |= {stem for stem in names.audio_in(folder) if stem.startswith(f"{genre}.")}
    return found


def _path(track: str) -> str:
    return f"genres/{track.partition('.')[0]}/{track}.wav"


def _without_genres(clip: str) -> str:
    return clip.removeprefix("genres/")


BIBTEX = """\
@article{tzanetakis2002musical,
  title   = {Musical Genre Classification of Audio Signals},
  author  = {Tzanetakis, George and Cook, Perry},
  journal = {IEEE Transactions on Speech and Audio Processing},
  volume  = {10},
  number  = {5},
  pages   = {293--302},
  year    = {2002},
  doi     = {10.1109/TSA.2002.800560}
}"""

CARD = Card(
    title="GTZAN (10 genres)",
    licence="none stated; the recordings are commercial, for research only",
    source="Tzanetakis, Cook 2002; genres.tar.gz (1.2 GB), the original link is dead",
    bibtex=BIBTEX,
    layout="genres/<genre> with <genre>.<00000 to 00099>.wav (or .au, .flac)",
    rate=22050,
    channels=1,
    seconds=30.65,
    shortest=29.0,
    clips=1000,
    group="track (equal files share one)",
    rebuild=rebuild,
    hashes=hashes,
    min_share=0.99,
    known_bad={_path("jazz.00054"): "corrupt in the copies that circulate"},
    layouts=(str, _without_genres),
    archive=Archive(
        name="genres.tar.gz",
        urls=("https://huggingface.co/datasets/marsyas/gtzan/resolve/main/data/genres.tar.gz",),
        digest="sha256:b28cc067ff6199bd826f5d1a6931458586d64acae7f44b2e882b7a97af057531",
        stated_by="the hub's page of the file",  # of another packing than the dead link's
        unpacked=4_000_000_000,
    ),
    by_hand="the original link is dead, and no licence is stated: unpack a genres.tar.gz that you "
    "have, or take the copy that Marsyas keeps: repro data fetch gtzan --source archive",
    next_step="repro data add gtzan DIR",
)
