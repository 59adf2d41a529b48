"""The file of a new dataset: what is said of it, and how its clips are listed."""

SECONDS = 5.0  # of the longest clip, where no folder says it

_FILE = '''"""NAME: a folder for each class. Change what is said of it, and how clips are listed."""

from pathlib import Path

from repro.data.cards import Card
from repro.data.folders import names
from repro.data.lists import Clip


def rebuild(root: Path) -> list[Clip]:
    """List the clips in a folder of audio: once, when it is added (`repro data add NAME DIR`)."""
    return [
        Clip(
            id=f"{label}/{stem}.wav",  # FLAC, Ogg or MP3 of the same name may stand for it
            label=label,
            group=f"{label}/{stem}",  # what must not be in train and test, such as the speaker of
            #                           ann_017.wav: stem.partition("_")[0]. So: each clip alone
            part="",  # "train", "valid" or "test", or the number of a fold; empty: in none
        )
        for label in names.folders_in(root)
        for stem in names.audio_in(root / label)
    ]


CARD = Card(
    title="NAME",
    licence="yours to know",
    source="where it comes from",
    layout="<class>/<anything>.wav",
    rate=None,  # Hz; None: clips differ
    channels=None,
    seconds=SECONDS,  # of the longest clip
    clips=None,  # the complete count, if all copies have the same
    group="clip",  # what a group is: speaker, recording
    rebuild=rebuild,
    source_states=False,  # True where what stands here is published
)
'''


def file(name: str, seconds: float) -> str:
    """Return the Python file of a new dataset whose longest clip lasts so many seconds."""
    return _FILE.replace("NAME", name).replace("SECONDS", f"{seconds:g}")
