"""Why a clip is not in a folder: what lies there instead, before it is called missing."""

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from repro.data.folders import names
from repro.errors import UserError

_SEEN = 200_000  # files of a folder that are looked through for a name
_NEAR = 300  # folders that are looked at for a dataset
ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".7z", ".rar")


class Search:
    """Looks for what stands in place of clips; each folder is read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[str, dict[str, list[str]] | None] = {}
        self._places: dict[str, str] | None = None

    def why(self, place: str) -> str:
        """Say why the clip that should lie at `place` (its path in the folder) is not there."""
        folder, _, file = place.rpartition("/")
        found = self._in(folder)
        return (
            self._there(place)
            or self._miswritten(place, found or {})
            or self._elsewhere(file)
            or ("no such file" if found is not None else f"no folder {folder}")
        )

    def instead(self, clip: str, layouts: Iterable[Callable[[str], str]]) -> str:
        """Say what lies where a clip should be and does not stand for it; "" for nothing."""
        return next(filter(None, (self._there(layout(clip)) for layout in layouts)), "")

    def _there(self, place: str) -> str:
        """Say what lies at a place under a clip's name; "" for nothing."""
        folder, _, file = place.rpartition("/")
        same = (self._in(folder) or {}).get(names.folded(names.stem(file)), [])
        told = (self._instead(f"{folder}/{name}".lstrip("/"), file) for name in same)
        return next(filter(None, told), "")

    def _instead(self, there: str, file: str) -> str:
        """Say what a file is that has the clip's name, and why it does not stand for it."""
        path = self.root / there
        suffix = os.path.splitext(there)[1].lower()  # noqa: PTH122 - as in `names`
        try:
            mode = path.stat().st_mode
        except OSError as error:
            return f"{there} is a link to what is not there ({error.strerror})"
        if stat.S_ISDIR(mode):
            return f"{there} is a folder" if suffix in names.SUFFIXES else ""
        if not stat.S_ISREG(mode):
            return f"{there} is no file but a pipe or a device"
        if suffix in names.FOREIGN:
            wav = f"{names.stem(there)}.wav"
            convert = f"ffmpeg -i {names.quoted(there)} {names.quoted(wav)}"
            return f"only as {there}, which is not decoded here; {convert}"
        if suffix not in names.SUFFIXES:
            return f"only as {there}, whose suffix is none of audio"
        return f"{there} is spelt otherwise than {file}, and it is not the only one"

    def _miswritten(self, place: str, here: dict[str, list[str]]) -> str:
        """Find a name written with backslashes, or in another code than UTF-8."""
        if "\\" in place and (self.root / place.replace("\\", "/")).is_file():
            return f"written with \\; it is at {place.replace(chr(92), '/')}"
        file = place.rpartition("/")[2]
        for name in (name for same in here.values() for name in same if not names.is_text(name)):
            text, code = names.meant(name) or ("", "")
            if names.stem(text) == names.stem(file):
                return (
                    f"its name on the disk is not UTF-8 but perhaps {code}, {names.shown(name)}: "
                    f"convmv -f {code} -t utf8 -r --notest {names.quoted(self.root)}"
                )
        return ""

    def _elsewhere(self, file: str) -> str:
        """Find a file of this name in another folder."""
        if self._places is None:
            self._places = {}
            for number, place in enumerate(names.audio_below(self.root)):
                if number == _SEEN:
                    break
                key = names.folded(names.stem(place.rpartition("/")[2]))
                self._places.setdefault(key, place)
        place = self._places.get(names.folded(names.stem(file)), "")
        return f"a file of this name is at {place}" if place else ""

    def _in(self, folder: str) -> dict[str, list[str]] | None:
        """Return folded stem -> all names of a folder; None if there is no such folder."""
        if folder not in self._listed:
            listed: dict[str, list[str]] = defaultdict(list)
            try:
                for name in sorted(os.listdir(self.root / folder)):  # noqa: PTH208 - only names
                    listed[names.folded(names.stem(name))].append(name)
                self._listed[folder] = listed
            except OSError:
                self._listed[folder] = None
        return self._listed[folder]


def no_clip(
    dataset: str,
    root: Path,
    layout: str,
    such_as: tuple[str, str],
    holds: Callable[[Path], bool],
    again: str,
) -> UserError:
    """Say what was expected in a folder without clips, and what is there that comes close.

    layout: in words; such_as: two places of clips; holds: tells whether a folder has clips; again:
    the command that takes the folder in place of DIR.
    """
    message = (
        f"{names.shown(root)} holds no clip of {dataset}; expected {layout}, such as "
        f"{such_as[0]} or {such_as[1]}"
    )
    search, said = Search(root), []
    for place in such_as:
        reason = search.why(place)
        if not reason.startswith("no "):
            said.append(f"{place}: {reason}")
    if said:
        message += "".join(f"\n  {line}" for line in said)
    near = next((folder for folder in _near(root) if holds(folder)), None)
    if near is not None:
        return UserError(f"{message}; {names.shown(near)} looks right", of(again, near))
    packed = next(_archives(root), None)
    if packed is not None:
        return UserError(f"{message}; {names.shown(packed)} is packed",
                         f"{unpack(packed)}, then {of(again, root)}")  # fmt: skip
    return UserError(message, again)


def of(again: str, folder: Path) -> str:
    """Return a command with a folder, as a shell takes it, in place of its DIR."""
    return again.replace(" DIR", f" {names.quoted(folder)}", 1)


def unpack(archive: Path) -> str:
    """Return the command that unpacks an archive beside itself."""
    into, file = names.quoted(archive.parent), names.quoted(archive)
    if archive.name.lower().endswith(".zip"):
        return f"unzip -q {file} -d {into}"
    if archive.name.lower().endswith((".7z", ".rar")):
        return f"7z x {file} -o{into}"
    return f"tar -xf {file} -C {into}"


def is_archive(name: str) -> bool:
    """Tell whether a file's name is one of an archive."""
    return name.lower().endswith(ARCHIVES)


def _archives(root: Path) -> Iterator[Path]:
    """Yield the archives in a folder and one below it."""
    for folder in (root, *(root / name for name in names.folders_in(root)[:_NEAR])):
        if os.access(folder, os.R_OK | os.X_OK):
            yield from (file for file in sorted(folder.iterdir()) if is_archive(file.name))


def _near(root: Path) -> Iterator[Path]:
    """Yield the folders in `root`, those in them, then the two above it."""
    inside = [root / name for name in names.folders_in(root)]
    deeper = [folder / name for folder in filter(_readable, inside[:_NEAR])
              for name in names.folders_in(folder)]  # fmt: skip
    yield from filter(_readable, (*inside, *deeper[:_NEAR], *root.parents[:2]))


def _readable(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)
