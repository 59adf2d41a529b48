"""Generated clips in the shape of a dataset: its classes and parts, learnable, no download.

`repro.data.waveforms.chirps` says what they sound like; VERSION stands for that too.
"""

from collections.abc import Mapping
from pathlib import Path

from repro.data import lists
from repro.data import manifest as manifests
from repro.data.lists import Clip, Manifest

VERSION = 1

SPEAKERS = 40


def manifest(dataset: str, counts: Mapping[str, int], data: Path | None = None) -> Manifest:
    """Return generated clips: counts[part] in each part, in the dataset's real classes.

    Classes take turns, so parts are balanced; about 40 speakers, none in two parts. `data` is the
    home's data folder, for datasets whose list is the user's.
    """
    classes = manifests.classes(dataset, data)
    clips: list[Clip] = []
    first = 0
    for part, count in counts.items():
        speakers = max(2, round(SPEAKERS * count / max(1, sum(counts.values()))))
        for number in range(count):
            turn, index = divmod(number, len(classes))
            take, who = divmod(turn, speakers)
            speaker = f"s{first + (who + index) % speakers:02d}"
            path = f"generated/{classes[index]}/{speaker}_{take}.wav"
            clips.append(Clip(path, classes[index], speaker, part))
        first += speakers
    return lists.build(dataset, clips, classes)
