"""What a dataset is, and how its folder is read: the card that its file holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repro.data.folders.scan import Layout, Spelt
from repro.data.lists import Clip

UNVERIFIED = "unverified"  # no source states the hash or the revision


@dataclass(frozen=True)
class Archive:
    """A file to download and unpack; the dataset's folder is `root` in it.

    urls: mirrors, in order. digest: "sha256:hex" or "md5:hex" as its source states it, or
    "unverified". size: in bytes, None where no source states it. unpacked: the most bytes that may
    come out. stated_by: who states the hash.
    """

    name: str
    urls: tuple[str, ...]
    digest: str
    unpacked: int
    size: int | None = None
    root: str = "."
    stated_by: str = ""

    @property
    def verified(self) -> bool:
        """Tell whether a source states the hash."""
        return self.digest != UNVERIFIED


@dataclass(frozen=True)
class Hub:
    """A copy on the Hugging Face hub: Parquet files with the bytes of every clip's file.

    name: of the repository. revision: the commit as its source states it, or "unverified", which
    takes the newest. clip: from a row to the clip's id; audio: the column that holds the file.
    size: in bytes, about. stated_by: who states the revision. whole: the dataset is
    all that it holds, and no part of it.
    """

    name: str
    clip: Callable[[Mapping[str, Any]], str]
    revision: str = UNVERIFIED
    audio: str = "audio"
    size: int | None = None
    stated_by: str = ""
    whole: bool = True

    @property
    def verified(self) -> bool:
        """Tell whether a source states the revision."""
        return self.revision != UNVERIFIED


def no_hashes(_: Path) -> dict[str, str]:
    """Return nothing: no hashes of single clips are published."""
    return {}


def no_lengths(_: Path) -> dict[str, float]:
    """Return nothing: no source states the lengths of single clips."""
    return {}


@dataclass(frozen=True)
class Card:
    """What a dataset is, and how its folder is read.

    layout: in words, what its folder looks like; layouts: from a clip's id to the paths at which
    copies keep it, best first; spelt: from a file's stem to the clips' stems that it may stand for,
    where copies spell them in ways that no layout can tell. rate (Hz), channels: None where clips
    differ. seconds, shortest: the longest clip's, and the least that one lasts. clips: the complete
    count, None where only the user's list tells it; about: what a source says in its place, for
    estimates of time alone. min_share: the share of the clips that a full run needs. known_bad:
    clip ids with what is wrong with them. aside: folders of audio that are no clips. companions:
    datasets whose parts belong to the official split. rebuild: lists the clips from the dataset's
    own files under a folder; hashes: the published hashes found there, as a manifest holds them;
    lengths: the seconds of each clip, where a source states them.
    archive, hub: what is fetched, in this order; with by_hand only where the user names the source.
    by_hand: how to get what is not fetched; next_step: the command after that.
    bibtex: the work that describes it; datasets of one work share an entry.
    own_list: the user may supply the list. source_states: what the card says of the audio is
    published, not found in the user's own files.
    """

    title: str
    licence: str
    source: str
    layout: str
    rate: int | None
    channels: int | None
    seconds: float
    clips: int | None
    group: str
    rebuild: Callable[[Path], list[Clip]]
    shortest: float = 0.0
    hashes: Callable[[Path], dict[str, str]] = no_hashes
    lengths: Callable[[Path], dict[str, float]] = no_lengths
    multilabel: bool = False
    min_share: float = 1.0
    known_bad: Mapping[str, str] = field(default_factory=dict)
    aside: tuple[str, ...] = ()
    layouts: tuple[Layout, ...] = (str,)  # str: as the manifest says
    spelt: Spelt | None = None
    companions: tuple[str, ...] = ()
    archive: Archive | None = None
    hub: Hub | None = None
    by_hand: str = ""
    next_step: str = ""
    own_list: bool = False
    bibtex: str = ""
    source_states: bool = True
    about: int = 0

    @property
    def copies(self) -> dict[str, Archive | Hub]:
        """Return what can be fetched, by the name that --source takes, best first."""
        both = {"archive": self.archive, "hub": self.hub}
        return {name: copy for name, copy in both.items() if copy is not None}
