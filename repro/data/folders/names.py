"""What a file of audio is called, and which ones a folder holds: decided here, for everybody.

Audio is a file (or a link to one) with a suffix of SUFFIXES whose name does not begin with a dot:
macOS leaves `._x.wav` beside `x.wav` on other disks. Names are text in UTF-8; one that is not can
be no clip's, and is shown with its bytes escaped.
"""

import functools
import os
import shlex
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from repro.errors import UserError

# The copies of one clip that may stand for it, best first.
SUFFIXES = (".wav", ".flac", ".au", ".snd", ".aiff", ".aif", ".aifc", ".w64", ".rf64", ".caf",
            ".sph", ".ogg", ".oga", ".opus", ".mp3")  # fmt: skip
# Audio that is not decoded here.
FOREIGN = (".m4a", ".mp4", ".aac", ".wma", ".webm", ".mka", ".mkv", ".amr", ".3gp", ".ape", ".wv",
           ".mp2", ".spx", ".dsf", ".mov")  # fmt: skip
_RANK = {suffix[1:]: rank for rank, suffix in enumerate(SUFFIXES)}
_ANY = {suffix[1:] for suffix in SUFFIXES + FOREIGN}
_LEGACY = ("gb18030", "shift_jis", "euc_kr", "cp1252")  # what names were written in before UTF-8


def stem(name: str) -> str:
    """Return a file's name without the suffix of audio, if it has one."""
    before, dot, after = name.rpartition(".")
    return before if dot and (after in _ANY or after.lower() in _ANY) else name


def is_audio(name: str) -> bool:
    """Tell whether a file's name is one of audio that is decoded here, and of a clip's."""
    return _stem_of_audio(name) is not None


def _stem_of_audio(name: str) -> str | None:
    """Return the stem of a name of audio that is decoded here; None for any other name."""
    before, dot, after = name.rpartition(".")
    known = dot and (after in _RANK or after.lower() in _RANK)
    return before if known and name[0] != "." and is_text(name) else None


def is_text(name: str) -> bool:
    """Tell whether a name is UTF-8; the bytes of one that is not stand in it as surrogates."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def audio_in(folder: str | Path) -> dict[str, str]:
    """Return stem -> name of the audio files in a folder; nothing if there is no such folder."""
    best: dict[str, str] = {}
    with _entries(folder) as entries:
        for entry in entries:
            before = _stem_of_audio(name := entry.name)
            if before is None or not entry.is_file():
                continue
            if (kept := best.get(before)) is None or _order(name) < _order(kept):
                best[before] = name
    return best


def _order(name: str) -> tuple[int, str]:
    """Return what puts the copies of a clip in order, best first."""
    return _RANK[name.rpartition(".")[2].lower()], name


def audio_below(root: Path) -> Iterator[str]:
    """Yield the audio files anywhere below a folder, by their path in it."""
    for folder, inside, names in os.walk(root):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        place = os.path.relpath(folder, root)
        for name in sorted(filter(is_audio, names)):
            yield name if place == "." else f"{place}/{name}"


def folders_in(folder: str | Path) -> list[str]:
    """Return the names of the folders in a folder, sorted; nothing if there is no such folder."""
    with _entries(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and is_text(entry.name))


@contextmanager
def _entries(folder: str | Path) -> Iterator[Iterable["os.DirEntry[str]"]]:
    """Open a folder; what is not there holds nothing."""
    try:
        opened = os.scandir(os.fspath(folder))
    except (FileNotFoundError, NotADirectoryError):
        yield ()
        return
    except OSError as error:
        raise UserError(f"{shown(folder)}: cannot be read ({error.strerror})") from error
    with opened as entries:
        yield entries


@functools.lru_cache(1 << 16)
def folded(name: str) -> str:
    """Return a name as those spell it alike who differ in capitals or in how accents are stored."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def shown(name: str | Path) -> str:
    r"""Return a name for a message; bytes that are not UTF-8 (as \xb9) and controls are escaped."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def meant(name: str) -> tuple[str, str] | None:
    """Return what a name that is not UTF-8 says, and the code it is in, as far as can be guessed.

    None for a name in UTF-8, and where no code gives letters.
    """
    if is_text(name):
        return None
    for code in _LEGACY:
        try:
            text = os.fsencode(name).decode(code)
        except UnicodeDecodeError:
            continue
        if all(letter.isalnum() or letter in " .-_()[]" for letter in text):
            return text, code
    return None


def checked(folder: Path, command: str) -> Path:
    """Return a folder whose path is UTF-8; UserError with the way to rename the part that is not.

    `command` is the next one after that, with DIR for the folder.
    """
    for part in (*reversed(folder.parents), folder):
        if not is_text(part.name):
            text, code = meant(part.name) or ("NEW_NAME", "the code it is in")
            raise UserError(
                f"{shown(folder)}: the name of {shown(part)} is not UTF-8 (perhaps {code}); lists "
                "and records are",
                f"mv {quoted(part)} {shlex.quote(str(part.parent / text))}, then {command}",
            )
    return folder


def quoted(path: str | Path) -> str:
    r"""Return a path as a shell takes it, pasted: bytes that are not UTF-8 as $'\xb9'."""
    text = os.fspath(path)
    if is_text(text) and text.isprintable():
        return shlex.quote(text)
    plain = {letter: chr(letter) for letter in range(0x20, 0x7F) if chr(letter) not in "'\\"}
    return "$'" + "".join(plain.get(byte, f"\\x{byte:02x}") for byte in os.fsencode(text)) + "'"
