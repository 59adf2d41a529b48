"""RAVDESS speech: 24 actors, two sentences, eight emotions (Livingstone, Russo 2018)."""

import csv
import re
from pathlib import Path

from repro.data.cards import Archive, Card
from repro.data.folders import names
from repro.data.lists import Clip
from repro.errors import UserError

EMOTIONS = {"01": "neutral", "02": "calm", "03": "happy", "04": "sad",
            "05": "angry", "06": "fearful", "07": "disgust", "08": "surprised"}  # fmt: skip
_RATE = 48000  # Hz
INDEX = "ravdess_speech_index.csv"  # SHA-256 of each file and of its samples
# modality (03: audio), channel, emotion, intensity, statement, repetition, actor
_NAME = re.compile(r"03-0[12]-0[1-8]-0[12]-0[12]-0[12]-(0[1-9]|1\d|2[0-4])")


def rebuild(root: Path) -> list[Clip]:
    """List the speech clips of the actors' folders, or of the index; see `clips_of`."""
    return clips_of(root, "01", "ravdess_speech")


def clips_of(root: Path, channel: str, dataset: str) -> list[Clip]:
    """List the clips of a vocal channel (01 speech, 02 song) from their names.

    A clip's group is its actor. UserError if there is none.
    """
    stems = {Path(path).stem for path in hashes(root)}
    for folder in ("", *names.folders_in(root)):
        stems |= names.audio_in(root / folder).keys()
    clips = [clip_of(stem) for stem in sorted(stems) if _NAME.fullmatch(stem)]
    clips = [clip for clip in clips if flat(clip.id).split("-")[1] == channel]
    if not clips:
        raise UserError(f"{root}: no RAVDESS clips of channel {channel}; expected {LAYOUT}",
                        f"repro data add {dataset} DIR")  # fmt: skip
    return clips


def clip_of(name: str) -> Clip:
    """Return the clip of a file name without suffix, such as 03-02-06-01-02-01-24."""
    emotion, actor = name.split("-")[2], name.split("-")[6]
    return Clip(f"Actor_{actor}/{name}.wav", EMOTIONS[emotion], actor, "")


def hashes(root: Path) -> dict[str, str]:
    """Return the hashes of file and samples of each clip, from the index in `root`."""
    file = root / INDEX
    if not file.is_file():
        return {}
    with file.open(newline="") as stream:
        return {
            row["path"]: f"sha256:{row['sha256']};pcm:{row['pcm_sha256']}"
            for row in csv.DictReader(stream)
        }


def lengths(root: Path) -> dict[str, float]:
    """Return the seconds of each clip, from the frames in the index in `root`."""
    file = root / INDEX
    if not file.is_file():
        return {}
    with file.open(newline="") as stream:
        return {row["path"]: int(row["frames"]) / _RATE for row in csv.DictReader(stream)}


def flat(clip: str) -> str:
    """Return where a copy without folders for actors keeps a clip."""
    return clip.rpartition("/")[2]


LAYOUT = "Actor_01 ... Actor_24 with 03-<channel>-<emotion>-...-<actor>.wav (or .flac)"
BIBTEX = """\
@article{livingstone2018ravdess,
  title   = {The {Ryerson} Audio-Visual Database of Emotional Speech and Song ({RAVDESS}): A
             Dynamic, Multimodal Set of Facial and Vocal Expressions in North American {English}},
  author  = {Livingstone, Steven R. and Russo, Frank A.},
  journal = {PLoS ONE},
  volume  = {13},
  number  = {5},
  pages   = {e0196391},
  year    = {2018},
  doi     = {10.1371/journal.pone.0196391}
}"""

CARD = Card(
    title="RAVDESS speech (8 emotions, 24 actors)",
    licence="CC BY-NC-SA 4.0",
    source="Livingstone, Russo 2018, PLoS ONE; Zenodo record 1188976 (0.2 GB)",
    bibtex=BIBTEX,
    layout=LAYOUT,
    rate=_RATE,
    channels=None,  # mono, but for five stereo files
    seconds=5.2719375,
    shortest=2.9,
    clips=1440,
    group="actor",
    rebuild=rebuild,
    hashes=hashes,
    lengths=lengths,
    layouts=(str, flat),
    archive=Archive(
        name="Audio_Speech_Actors_01-24.zip",
        # No second mirror is known that keeps the archive.
        urls=("https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip",),
        digest="md5:bc696df654c87fed845eb13823edef8a",
        stated_by="loaders in public use",
        size=208_468_073,
        unpacked=2_000_000_000,
    ),
)
