"""CASIA, the 9,600 clips that a paper states: four speakers, six emotions, 400 sentences each.

Described as 300 sentences that all speakers share and 100 of each speaker's own, in two folders
whose speakers and emotions are spelt differently. How its files are numbered is not known here, so
the committed list counts them from 1 in each folder; a copy with other names supplies its own list.
"""

from pathlib import Path

from repro.data.cards import Card
from repro.data.datasets.casia_1200 import BIBTEX, EMOTIONS, SPEAKERS
from repro.data.folders import names
from repro.data.lists import Clip
from repro.errors import UserError

SAME, OWN = 300, 100  # sentences with the same text for all, and with each speaker's own
_SPELT = {
    "chang.liu": "liuchanhg",
    "zhe.wang": "wangzhe",
    "quanyin.zhao": "zhaoquanyin",
    "zuoxiang.zhao": "zhaozuoxiang",
    "normal": "neutral",
}


def by_rule() -> list[Clip]:
    """List 4 x 6 x (300 + 100) clips: same/<speaker>/<emotion>/001.wav and own/..."""
    return sorted(
        _clip(f"{text}/{speaker}/{emotion}/{number:03d}.wav", emotion, speaker)
        for text, count in (("same", SAME), ("own", OWN))
        for speaker in SPEAKERS
        for emotion in EMOTIONS
        for number in range(1, count + 1)
    )


def rebuild(root: Path) -> list[Clip]:
    """List a copy's own files: any folder of a speaker that holds folders of emotions.

    Speaker folders may lie in `root` or one folder below. UserError if it is not 4 x 6 x 400.
    """
    clips = [
        clip
        for above in ("", *names.folders_in(root))
        for folder in names.folders_in(root / above)
        if _meant(folder) in SPEAKERS
        for clip in _of_speaker(root, f"{above}/{folder}".lstrip("/"), _meant(folder))
    ]
    expected = len(SPEAKERS) * len(EMOTIONS) * (SAME + OWN)
    if len(clips) != expected:
        raise UserError(
            f"{root}: {len(clips):,} CASIA clips, expected {expected:,} in {CARD.layout}",
            "repro data add casia_1200 DIR is for the 1,200 clips that circulate",
        )
    return clips


def _of_speaker(root: Path, place: str, speaker: str) -> list[Clip]:
    """List the clips of one speaker's folder."""
    return [
        _clip(f"{place}/{folder}/{stem}.wav", _meant(folder), speaker)
        for folder in names.folders_in(root / place)
        if _meant(folder) in EMOTIONS
        for stem in names.audio_in(root / place / folder)
    ]


def _meant(folder: str) -> str:
    return _SPELT.get(folder.lower(), folder.lower())


def _clip(path: str, emotion: str, speaker: str) -> Clip:
    return Clip(path, emotion, speaker, "")


CARD = Card(
    title="CASIA, 9,600 clips (6 emotions, 4 speakers)",
    licence="CASIA corpus licence: research, on application; not redistributable",
    source="Institute of Automation, Chinese Academy of Sciences; ask for the corpus",
    bibtex=BIBTEX,
    layout="<text>/<speaker>/<emotion>/<number>.wav: 300 same, 100 own sentences for each emotion",
    rate=16000,
    channels=1,
    seconds=5.0,  # of the 1,200 that circulate, rounded up
    clips=9600,
    group="speaker",
    rebuild=rebuild,
    by_hand="CASIA gives the corpus to research groups on application; put your copy in a folder, "
    "and list its files with `repro data manifest casia --rebuild DIR`",
    next_step="repro data add casia DIR",
    own_list=True,
)
