"""Speech Commands v0.02, all 35 words: one-second spoken words, split by speaker (Warden 2018)."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from repro.data.cards import Archive, Card
from repro.data.folders import names
from repro.data.lists import Clip
from repro.errors import UserError

# The official lists, by part; the archive itself carries the last two only.
LISTS = {"train": "training_list.txt", "valid": "validation_list.txt", "test": "testing_list.txt"}
_CLIP = re.compile(r"[0-9a-f]{8}_nohash_\d+")
_BUCKETS = 2**27
_HOSTS = (
    "https://storage.googleapis.com/download.tensorflow.org",
    "http://download.tensorflow.org",
)


def which_set(file_name: str) -> str:
    """Return the part of a file by the dataset's rule: 80/10/10 % of speakers, by their hash.

    SHA-1 of the file name up to "_nohash_", modulo 2^27, scaled to 0..100: below 10 is validation,
    below 20 testing (README of the archive).
    """
    speaker = re.sub(r"_nohash_.*$", "", file_name)
    bucket = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % _BUCKETS
    percent = bucket * (100.0 / (_BUCKETS - 1))
    if percent < 10:
        return "valid"
    return "test" if percent < 20 else "train"


def rebuild(root: Path) -> list[Clip]:
    """Make the list of clips again from the audio files under `root`, split by the rule.

    FLAC or Ogg of the same stem counts as the wav. Raises UserError if no file looks like a clip.
    """
    found = {
        f"{word}/{stem}.wav"
        for word in names.folders_in(root)
        if word not in CARD.aside
        for stem in names.audio_in(root / word)
        if _CLIP.fullmatch(stem)
    }
    if not found:
        raise UserError(f"{root}: no Speech Commands clips; expected {CARD.layout}")
    return [_clip(path, which_set(path.rpartition("/")[2])) for path in sorted(found)]


def rebuild_from_lists(folder: Path) -> list[Clip]:
    """Make the list of clips from the three official lists, and hold each line against the rule."""
    clips: list[Clip] = []
    for part, file in LISTS.items():
        clips += _by_rule(folder / file, part, (folder / file).read_text().split())
    return sorted(clips)


def _by_rule(file: Path, part: str, paths: Iterable[str]) -> list[Clip]:
    clips = [_clip(path, part) for path in paths]
    for clip in clips:
        if which_set(clip.id.rpartition("/")[2]) != part:
            raise UserError(f"{file}: {clip.id} is not in {part} by the dataset's rule")
    return clips


def _clip(path: str, part: str) -> Clip:
    word, _, file_name = path.partition("/")
    return Clip(id=path, label=word, group=file_name.partition("_nohash_")[0], part=part)


BIBTEX = """\
@misc{warden2018speech,
  title         = {{Speech Commands}: A Dataset for Limited-Vocabulary Speech Recognition},
  author        = {Warden, Pete},
  year          = {2018},
  eprint        = {1804.03209},
  archivePrefix = {arXiv}
}"""

CARD = Card(
    title="Speech Commands v0.02 (35 words)",
    licence="CC BY 4.0",
    source="Warden 2018, arXiv 1804.03209; archive speech_commands_v0.02.tar.gz (2.4 GB)",
    bibtex=BIBTEX,
    layout="one folder per word, each with <speaker>_nohash_<n>.wav (or .flac, .ogg)",
    rate=16000,
    channels=1,
    seconds=1.0,
    shortest=0.1,
    clips=105829,
    group="speaker",
    rebuild=rebuild,
    aside=("_background_noise_", "_silence_", "_unknown_"),  # the last two: of the test archive
    # No hub: google/speech_commands there has the test clips of ten words only.
    archive=Archive(
        name="speech_commands_v0.02.tar.gz",
        urls=tuple(f"{host}/data/speech_commands_v0.02.tar.gz" for host in _HOSTS),
        digest="sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        stated_by="torchaudio",
        size=2_428_923_189,
        unpacked=8_000_000_000,
    ),
)
