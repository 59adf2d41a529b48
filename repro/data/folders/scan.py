"""Which clips of a list are in a folder, and in which file."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from repro.data.folders import names
from repro.data.lists import Clip

Layout = Callable[[str], str]  # from a clip's id to the path at which a copy keeps it
Spelt = Callable[[str], Iterable[str]]  # from a file's stem to the clips' stems it may stand for


def scan(
    root: Path, clips: Sequence[Clip], layouts: Sequence[Layout], spelt: Spelt | None = None
) -> dict[str, str]:
    """Return the file of each clip that is there: same place and stem, first suffix of SUFFIXES.

    The layouts are tried in order for the clips not found yet. Only folders that hold clips
    are read, so a wrong folder costs little, however large. What differs in capitals or in how
    accents are stored, and what `spelt` reads, counts where it is the only file for one clip.
    """
    folders = Folders(root)
    found: dict[str, str] = {}
    for layout in layouts:
        found |= _verbatim(folders, [clip.id for clip in clips if clip.id not in found], layout)
        for folder, stems in _wanted(clips, layout, found).items():
            place, files = folders.place(folder), folders.audio(folder)
            there = ((clip, files[stem]) for stem, clip in stems.items() if stem in files)
            found.update((clip, f"{place}/{name}") for clip, name in there)
    if len(found) < len(clips) and folders.more_than(len(found)):
        _forgiving(folders, clips, layouts, spelt, found)
    return found


def _verbatim(folders: "Folders", ids: list[str], layout: Layout) -> dict[str, str]:
    """Return the clips whose files have the very names that a layout says: mostly all of them."""
    paths = ids if layout is str else [layout(clip) for clip in ids]
    places = {path.rpartition("/")[0] for path in paths}
    there = {f"{place}/{name}" if place else name
             for place in places for name in folders.audio(place).values()}  # fmt: skip
    root = str(folders.root)
    return {clip: f"{root}/{path}" for clip, path in zip(ids, paths, strict=True) if path in there}


def _forgiving(
    folders: "Folders",
    clips: Sequence[Clip],
    layouts: Sequence[Layout],
    spelt: Spelt | None,
    found: dict[str, str],
) -> None:
    """Add to `found` what is spelt otherwise, from the files that stand for no clip yet."""
    used = set(found.values())
    for layout in layouts:
        for folder, stems in _wanted(clips, layout, found).items():
            actual = folders.spelt_as(folder)
            if actual is None:
                continue
            place = folders.place(actual)
            left = {s: n for s, n in folders.audio(actual).items() if f"{place}/{n}" not in used}
            if not left:
                continue
            there = [(stems[s], n) for s, n in left.items() if s in stems and actual != folder]
            there += _alike(stems, left)
            if spelt is not None:
                there += [(stems[s], n) for stem, n in left.items() for s in spelt(stem)
                          if s in stems]  # fmt: skip
            for clip, name in there:
                if clip not in found and (file := f"{place}/{name}") not in used:
                    found[clip] = file
                    used.add(file)


def _alike(stems: dict[str, str], left: dict[str, str]) -> list[tuple[str, str]]:
    """Return clip and file where one of each alone is spelt alike."""
    files: dict[str, list[str]] = defaultdict(list)
    for stem, name in left.items():
        files[names.folded(stem)].append(name)
    clips: dict[str, list[str]] = defaultdict(list)
    for stem, clip in stems.items():
        clips[names.folded(stem)].append(clip)
    return [
        (same[0], files[key][0])
        for key, same in clips.items()
        if len(same) == 1 and len(files.get(key, ())) == 1
    ]


def _wanted(
    clips: Iterable[Clip], layout: Layout, found: dict[str, str]
) -> dict[str, dict[str, str]]:
    """Return folder -> stem -> clip id of the clips not found yet."""
    wanted: dict[str, dict[str, str]] = defaultdict(dict)
    for clip in clips:
        if clip.id not in found:
            folder, _, file = layout(clip.id).rpartition("/")
            wanted[folder][names.stem(file)] = clip.id
    return wanted


class Folders:
    """The folders below a root, each read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._audio: dict[str, dict[str, str]] = {}
        self._inside: dict[str, dict[str, list[str]]] = {}

    def place(self, folder: str) -> str:
        """Return the path of a folder."""
        return f"{self.root}/{folder}" if folder else str(self.root)

    def audio(self, folder: str) -> dict[str, str]:
        """Return stem -> name of the audio files in a folder."""
        if folder not in self._audio:
            self._audio[folder] = names.audio_in(self.place(folder))
        return self._audio[folder]

    def more_than(self, used: int) -> bool:
        """Tell whether there is audio beside so many files, in folders that are spelt otherwise."""
        if sum(map(len, self._audio.values())) > used:
            return True
        empty = [folder for folder, files in self._audio.items() if not files]
        return any(self.spelt_as(folder) not in (None, folder) for folder in empty)

    def spelt_as(self, folder: str) -> str | None:
        """Return a folder as it is spelt here; None where there is none, or more than one."""
        if not folder or self.audio(folder) or Path(self.place(folder)).is_dir():
            return folder
        above, _, name = folder.rpartition("/")
        actual = self.spelt_as(above)
        if actual is None:
            return None
        if actual not in self._inside:
            self._inside[actual] = defaultdict(list)
            for inside in names.folders_in(self.place(actual)):
                self._inside[actual][names.folded(inside)].append(inside)
        same = self._inside[actual].get(names.folded(name), [])
        return f"{actual}/{same[0]}".lstrip("/") if len(same) == 1 else None
