"""RAVDESS song: 23 actors sing two sentences in six emotions (Livingstone, Russo 2018)."""

from itertools import product
from pathlib import Path

from repro.data.cards import Archive, Card
from repro.data.datasets.ravdess_speech import BIBTEX, LAYOUT, clip_of, clips_of, flat
from repro.data.lists import Clip


def rebuild(root: Path) -> list[Clip]:
    """List the song clips of the actors' folders."""
    return clips_of(root, "02", "ravdess_song")


def by_rule() -> list[Clip]:
    """List the clips by the dataset's design: 23 actors (not 18) times 44.

    Neutral once, the other five emotions in two intensities; two sentences, each twice.
    """
    names = [
        f"03-02-{emotion:02d}-{intensity:02d}-{statement:02d}-{repetition:02d}-{actor:02d}"
        for emotion, intensity, statement, repetition, actor in product(
            range(1, 7), (1, 2), (1, 2), (1, 2), range(1, 25)
        )
        if actor != 18 and (emotion, intensity) != (1, 2)
    ]
    return sorted(clip_of(name) for name in names)


CARD = Card(
    title="RAVDESS song (6 emotions, 23 actors)",
    licence="CC BY-NC-SA 4.0",
    source="Livingstone, Russo 2018, PLoS ONE; Zenodo record 1188976 (0.2 GB)",
    bibtex=BIBTEX,
    layout=LAYOUT,
    rate=48000,
    channels=None,
    seconds=7.0,  # a bound; the songs are a little longer than the speech
    clips=1012,
    group="actor",
    rebuild=rebuild,
    layouts=(str, flat),
    archive=Archive(
        name="Audio_Song_Actors_01-24.zip",
        # No second mirror is known that keeps the archive.
        urls=("https://zenodo.org/records/1188976/files/Audio_Song_Actors_01-24.zip",),
        digest="unverified",
        unpacked=2_000_000_000,
    ),
)
