"""CASIA, the 1,200 clips that circulate: four speakers say 50 sentences in six emotions."""

import csv
from pathlib import Path

from repro.data.cards import Card
from repro.data.folders import names
from repro.data.lists import Clip
from repro.errors import UserError

EMOTIONS = ("angry", "fear", "happy", "neutral", "sad", "surprise")
SPEAKERS = ("liuchanhg", "wangzhe", "zhaoquanyin", "zhaozuoxiang")
INDEX = "casia_1200_index.csv"  # SHA-256 of each file
_FILE = "file(lowercased speaker; shared-copy naming ID-emotion-speaker.wav)"


def rebuild(root: Path) -> list[Clip]:
    """List the clips of <emotion>/<number>-<emotion>-<speaker>.wav or <speaker>/<emotion>/<number>.

    Their names under `root` in either layout, or those of the index there. A clip's group is its
    speaker. UserError if there is none.
    """
    clips = [_clip(*Path(path).stem.split("-")) for path in hashes(root)] or _named(root)
    if not clips:
        raise UserError(f"{root}: no CASIA clips; expected {CARD.layout}",
                        "repro data add casia_1200 DIR")  # fmt: skip
    return clips


def hashes(root: Path) -> dict[str, str]:
    """Return the SHA-256 of each file, from the index in `root`."""
    file = root / INDEX
    if not file.is_file():
        return {}
    with file.open(newline="") as stream:
        return {row[_FILE]: f"sha256:{row['wav_sha256']}" for row in csv.DictReader(stream)}


def lengths(root: Path) -> dict[str, float]:
    """Return the seconds of each file, from the index in `root`."""
    file = root / INDEX
    if not file.is_file():
        return {}
    with file.open(newline="") as stream:
        return {
            row[_FILE]: int(row["num_frames"]) / int(row["sample_rate"])
            for row in csv.DictReader(stream)
        }


def _named(root: Path) -> list[Clip]:
    """List the clips found in folders of emotions, or of speakers with folders of emotions."""
    found = set()
    for folder in names.folders_in(root):
        emotion = folder.lower()
        for stem in names.audio_in(root / folder) if emotion in EMOTIONS else ():
            number, _, rest = stem.lower().partition(f"-{emotion}-")
            found.add((number, emotion, rest))
        for inside in names.folders_in(root / folder):
            for number in names.audio_in(root / folder / inside):
                found.add((number, inside.lower(), folder.lower()))
    return sorted(_clip(*one) for one in found if _is_one(*one))


def _is_one(number: str, emotion: str, speaker: str) -> bool:
    return number.isdecimal() and emotion in EMOTIONS and speaker in SPEAKERS


def _clip(number: str, emotion: str, speaker: str) -> Clip:
    return Clip(f"{emotion}/{number}-{emotion}-{speaker}.wav", emotion, speaker, "")


def _by_speaker(clip: str) -> str:
    emotion, _, file = clip.partition("/")
    number, _, speaker = file.removesuffix(".wav").split("-")
    return f"{speaker}/{emotion}/{number}.wav"


def _original_case(clip: str) -> str:
    return clip.replace("zhaozuoxiang", "ZhaoZuoxiang")


def _by_speaker_original_case(clip: str) -> str:
    return _original_case(_by_speaker(clip))


BIBTEX = """\
@misc{casia,
  title  = {{CASIA} {Chinese} Emotional Speech Corpus},
  author = {{Institute of Automation, Chinese Academy of Sciences}},
  year   = {n.d.},
  note   = {No year is stated; available on application}
}"""

CARD = Card(
    title="CASIA, the shared 1,200 clips (6 emotions, 4 speakers)",
    licence="CASIA corpus licence: research, on application; not redistributable",
    source="Institute of Automation, Chinese Academy of Sciences; ask for the corpus",
    bibtex=BIBTEX,
    layout="<emotion>/<201 to 250>-<emotion>-<speaker>.wav, or <speaker>/<emotion>/<number>.wav",
    rate=16000,
    channels=1,
    seconds=4.9335,
    clips=1200,
    group="speaker",
    rebuild=rebuild,
    hashes=hashes,
    lengths=lengths,
    layouts=(str, _original_case, _by_speaker, _by_speaker_original_case),
    by_hand="CASIA gives the corpus to research groups on application; put your copy in a folder",
    next_step="repro data add casia_1200 DIR",
)
