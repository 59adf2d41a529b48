"""Read the names and shapes in a file of weights without torch, and without running what is in it.

A file is what torch.save writes (a zip with data.pkl, or before torch 1.6 a row of pickles), or
safetensors (eight bytes of length, then JSON). Objects in a pickle are replaced by empty ones:
nothing of it is imported or called.
"""

import json
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

Shapes = dict[str, tuple[int, ...]]

_LONGEST = 100_000_000  # bytes of a safetensors header, by its format
_BEFORE = 3  # pickles before the state in an old file: magic number, protocol, system


def shapes(file: Path) -> Shapes:
    """Return name -> shape of a state dict's tensors, or of the one under "model" in it.

    ValueError, saying why, if the file is no such thing.
    """
    if safetensors(file):
        return _of_safetensors(file)
    with file.open("rb") as stream:
        start = stream.read(2)
    if start == b"PK":
        state = _of_zip(file)
    elif start.startswith(b"\x80"):
        state = _of_pickles(file)
    else:
        raise ValueError("it is neither a file of torch.save nor safetensors")
    if isinstance(state, Mapping) and isinstance(state.get("model"), Mapping):
        state = state["model"]
    found = dict(state) if isinstance(state, Mapping) else {}
    if not found or not all(isinstance(shape, _Shape) for shape in found.values()):
        raise ValueError("it holds no state dict")
    return {str(name): tuple(shape) for name, shape in found.items()}


def safetensors(file: Path) -> bool:
    """Tell whether a file starts as safetensors do."""
    with file.open("rb") as stream:
        start = stream.read(9)
    return start[8:] == b"{" and int.from_bytes(start[:8], "little") <= _LONGEST


def _of_safetensors(file: Path) -> Shapes:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        try:
            header = json.loads(stream.read(length))
            return {k: tuple(v["shape"]) for k, v in header.items() if k != "__metadata__"}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"its safetensors header is damaged ({error})") from error


def _of_zip(file: Path) -> Any:
    try:
        with zipfile.ZipFile(file) as archive:
            inside = [n for n in archive.namelist() if n.rpartition("/")[2] == "data.pkl"]
            if not inside:
                raise ValueError("it is a zip file, but not of torch.save")
            with archive.open(inside[0]) as stream:
                return _unpickle(stream)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"it is damaged ({error})") from error


def _of_pickles(file: Path) -> Any:
    with file.open("rb") as stream:
        for _ in range(_BEFORE):
            _unpickle(stream)
        return _unpickle(stream)


def _unpickle(stream: IO[bytes]) -> Any:
    try:
        return _Reader(stream).load()
    except zipfile.BadZipFile:
        raise
    except Exception as error:  # a damaged pickle raises whatever it likes
        raise ValueError(f"its list of tensors is damaged ({error})") from error


class _Shape(tuple[int, ...]):
    """The shape that stands for a tensor."""


class _Empty:
    """What stands for any other object; it takes all that a pickle does to one."""

    def __new__(cls, *_: Any, **__: Any) -> "_Empty":
        return super().__new__(cls)

    def __setstate__(self, _: Any) -> None: ...

    def __setitem__(self, _: Any, __: Any) -> None: ...

    def extend(self, _: Any) -> None:
        """Take items."""


class _Reader(pickle.Unpickler):
    """Unpickle with shapes for tensors and empty objects for the rest."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a global; nothing is imported."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils" and name.startswith("_rebuild_tensor"):
            return lambda *args: _Shape(args[2])  # storage, offset, size, ...
        if module == "torch._utils" and name.startswith("_rebuild_parameter"):
            return lambda tensor, *_: tensor
        return _Empty

    def persistent_load(self, _: Any) -> None:
        """Leave the numbers where they are."""
