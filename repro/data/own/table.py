"""The user's table of clips: its text, its cells, and which of its columns is what.

Read: UTF-8 and, with their mark, UTF-16; cells parted by comma, semicolon, tab or |. What cannot be
told is refused with what it probably is.
"""

import codecs
import csv
import io
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from repro.errors import UserError, nearest

COLUMNS = ("path", "label", "group", "split", "fold")
AGAIN = "repro data add NAME DIR --manifest FILE.csv"
_DELIMITERS = ",\t;|"
_FIELD = re.compile(r"\{([^{}]*)\}")
_LONGEST = 1 << 20  # characters of a cell
# What others call these columns; only to suggest them: a column is never guessed.
_ALSO = {
    "path": "filename file file_name filepath file_path wav audio clip name fname slice_file_name",
    "label": "labels class classname class_name category emotion genre species tag target word y",
    "group": "speaker speaker_id actor subject src_file fsid session recording artist source",
    "split": "set subset partition part",
    "fold": "folds kfold test_fold",
}


@dataclass
class Table:
    """A table's first line and the lines after it, each with its number in the file.

    notes: what was left out of it.
    """

    file: Path
    header: list[str]
    lines: Iterator[tuple[int, list[str]]]
    notes: list[str] = field(default_factory=list)


def wrong(where: Path | str, what: str, then: str = f"mend it, then {AGAIN}") -> UserError:
    """Say what is wrong with a table, or with a line of it."""
    return UserError(f"{where}: {what}", then)


def read(file: Path) -> Table:
    """Open a table; UserError naming the file for what is no text or no table."""
    text = _text(file)
    start = text.lstrip("\r\n")
    first = start.partition("\n")[0]
    if not first.strip():
        raise wrong(file, "no clips; expected a first line such as path,label,group,split")
    delimiter = next((mark for mark in _DELIMITERS if mark in first), ",")
    lines = _lines(file, text, delimiter)
    number, header = next(lines)
    table = Table(file, [name.strip() for name in header], lines)
    if table.header[0] in ("", "Unnamed: 0") and len(table.header) > 1:
        table.notes.append("its first column has no name and is not used (pandas writes an index)")
        table.header[0] = ""
    blank = [str(place) for place, name in enumerate(table.header, 1) if not name and place > 1]
    if blank:
        raise wrong(f"{file}, line {number}", f"column {blank[0]} has no name")
    lower = [name.lower() for name in table.header]
    twice = [name for name in table.header if lower.count(name.lower()) > 1]
    if twice:
        raise wrong(f"{file}, line {number}", f"two columns are called {twice[0]!r}")
    return table


def _text(file: Path) -> str:
    """Return a file's text."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise wrong(file, f"cannot be read ({error.strerror})") from error
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise _other_code(file, data, error) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise wrong(f"{file}, line {line}", "a byte of zero: no text, or UTF-16 without its mark",
                    f"iconv -f UTF-16LE -t UTF-8 {shlex.quote(str(file))} > NEW.csv")  # fmt: skip
    return text


def _other_code(file: Path, data: bytes, error: UnicodeDecodeError) -> UserError:
    """Say in which line a table is not UTF-8, and what its code may be."""
    line = data[: error.start].count(b"\n") + 1
    for code in ("gb18030", "cp1252", "latin-1"):
        try:
            read_as = data.split(b"\n")[line - 1].decode(code).strip()
        except UnicodeDecodeError:
            continue
        what = f"not UTF-8; read as {code} the line says {read_as[:60]!r}"
        command = f"iconv -f {code.upper()} -t UTF-8 {shlex.quote(str(file))} > NEW.csv"
        return wrong(f"{file}, line {line}", what, f"if that is right: {command}")
    return wrong(f"{file}, line {line}", "not UTF-8")


def _lines(file: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are not blank, with their numbers in the file."""
    before = csv.field_size_limit(_LONGEST)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if cells and any(map(str.strip, cells)):
                yield reader.line_num, cells
    except csv.Error as error:
        raise wrong(f"{file}, line {reader.line_num}", f"no line of a CSV ({error})") from error
    finally:
        csv.field_size_limit(before)


def mapping(asked: str) -> dict[str, str]:
    """Read --columns: path=filename,label=category; a value may be made of several columns."""
    found: dict[str, str] = {}
    for one in asked.split(","):
        name, equals, value = (text.strip() for text in one.partition("="))
        if not equals or not value or name not in COLUMNS or name in found:
            what = f"{name} twice" if name in found else repr(one)
            raise UserError(
                f"--columns {asked}: {what}; known: {', '.join(COLUMNS)}",
                "--columns path=filename,label=category, or path=fold{fold}/{filename}",
            )
        found[name] = value
    return found


@dataclass(frozen=True)
class Columns:
    """Where each of COLUMNS comes from: a function of a line's cells, for those that there are.

    unused: the table's other columns.
    """

    of: Mapping[str, Callable[[Sequence[str]], str]]
    unused: tuple[str, ...]


def columns(table: Table, asked: Mapping[str, str]) -> Columns:
    """Find the columns, those that `asked` names otherwise included (see `mapping`).

    UserError for a column that is not known and that `asked` says nothing of, and for none of path
    or label: what the user filled in is never left out in silence.
    """
    names = {name.lower(): name for name in table.header if name}
    found, used = {}, set()
    for column in COLUMNS:
        value = asked.get(column, names.get(column, ""))
        if value:
            found[column], parts = _made_of(table, column, value)
            used |= parts
    unused = tuple(name for name in table.header if name and name not in used)
    lacking = [column for column in ("path", "label") if column not in found]
    if lacking or (unused and not asked):
        raise _unclear(table, lacking, unused)
    if "split" in found and "fold" in found:
        raise wrong(table.file, "give split or fold, not both")
    return Columns(found, unused)


def _made_of(
    table: Table, column: str, value: str
) -> tuple[Callable[[Sequence[str]], str], set[str]]:
    """Return how a cell is made, and the columns that it is made of."""
    parts = _FIELD.findall(value) if "{" in value else [value]
    for part in parts:
        if part not in table.header:
            near = nearest(part, table.header)
            hint = f"did you mean {near!r}?" if near else f"there are {_some(table.header)}"
            raise wrong(table.file, f"--columns {column}={value}: no column {part!r}; {hint}")
    places = [table.header.index(part) for part in parts]
    if "{" not in value:
        place = places[0]
        return (lambda cells: cells[place]), set(parts)
    between = _FIELD.split(value)[::2]

    def joined(cells: Sequence[str]) -> str:
        filled = (cells[place].strip() for place in places)
        return between[0] + "".join(f"{cell}{text}" for cell, text in
                                    zip(filled, between[1:], strict=True))  # fmt: skip

    return joined, set(parts)


def _unclear(table: Table, lacking: Sequence[str], unused: Sequence[str]) -> UserError:
    """Name the columns that are not known, and the option that may say what they are."""
    meant = {}
    for column in COLUMNS:
        known = next((name for name in table.header if name.lower() == column), None)
        also = _ALSO[column].split()
        guess = next((name for name in unused if name.lower() in also), None)
        near = next((name for name in unused if nearest(name.lower(), [column])), None)
        if name := known or guess or (near if column in lacking else None):
            meant[column] = name
    what = f"no column {' and no '.join(map(repr, lacking))}" if lacking else ""
    if unused:
        strange = f"unknown column{'s' * (len(unused) > 1)} {_some(unused)}"
        what = f"{what}; {strange}" if what else strange
    if "path" in meant and "label" in meant:
        option = ",".join(f"{column}={name}" for column, name in meant.items())
        return wrong(table.file, what, f"say what is what: {AGAIN} --columns {shlex.quote(option)}")
    near = next((f"; did you mean {column!r}?" for column in lacking
                 if any(nearest(name.lower(), [column]) for name in unused)), "")  # fmt: skip
    return wrong(table.file, f"{what}{near}",
                 f"{AGAIN} --columns path=YOUR_COLUMN,label=YOUR_COLUMN")  # fmt: skip


def _some(names: Sequence[str]) -> str:
    """Name the first ten."""
    rest = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(map(repr, names[:10])) + rest
