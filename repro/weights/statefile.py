"""Read the names and shapes in a file of weights without torch, and without running what is in it.

A file is what torch.save writes (a zip with data.pkl, or before torch 1.6 a row of pickles), or
safetensors (eight bytes of length, then JSON). Objects in a pickle are replaced by empty ones:
nothing of it is imported or called.
"""

import json
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

Shapes = dict[str, tuple[int, ...]]

UNDER = ("model", "state_dict")  # where checkpoints, such as Lightning's, hold a state dict
_LONGEST = 100_000_000  # bytes of a safetensors header, by its format
# Bytes of a number, by its kind in safetensors.
_BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2,
    "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
}  # fmt: skip
_BEFORE = 3  # pickles before the state in an old file: magic number, protocol, system


def shapes(file: Path) -> Shapes:
    """Return name -> shape of a state dict's tensors, or of the one under one of `UNDER` in it.

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
    state = inner(state)
    found = dict(state) if isinstance(state, Mapping) else {}
    if not found or not all(isinstance(shape, _Shape) for shape in found.values()):
        raise ValueError("it holds no state dict")
    return {str(name): tuple(shape) for name, shape in found.items()}


def inner(state: Any) -> Any:
    """Return the state dict inside a checkpoint; what is none stays as it is."""
    for name in UNDER:
        if isinstance(state, Mapping) and isinstance(state.get(name), Mapping):
            return state[name]
    return state


def safetensors(file: Path) -> bool:
    """Tell whether a file starts as safetensors do."""
    with file.open("rb") as stream:
        start = stream.read(9)
    return start[8:] == b"{" and int.from_bytes(start[:8], "little") <= _LONGEST


def _of_safetensors(file: Path) -> Shapes:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        try:
            header = json.loads(stream.read(length), object_pairs_hook=_once)
            tensors = {k: _Stored(**v) for k, v in header.items() if k != "__metadata__"}
            _check_data(tensors, file.stat().st_size - 8 - length)
            return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        except RecursionError:
            raise ValueError("its safetensors header is damaged (nested too deeply)") from None
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"its safetensors header is damaged ({error})") from error


@dataclass(frozen=True)
class _Stored:
    """What a safetensors header says of a tensor: where its bytes begin and end, after it."""

    dtype: str
    shape: list[int]
    data_offsets: list[int]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON; ValueError where it names something twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands in it twice")
    return found


def _check_data(tensors: Mapping[str, _Stored], size: int) -> None:
    """Refuse tensors whose bytes are not all there: one after the other, `size` in all."""
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1].data_offsets):
        if not all(type(number) is int and number >= 0 for number in tensor.shape):
            raise ValueError(f"{name} has no shape, but {str(tensor.shape)[:40]}")
        if tensor.dtype not in _BYTES:
            raise ValueError(f"{name} holds numbers of an unknown kind, {tensor.dtype!r}")
        begin, stop = tensor.data_offsets
        if begin != end or stop - begin != math.prod(tensor.shape) * _BYTES[tensor.dtype]:
            raise ValueError(f"the bytes of {name} are not where and as many as they should be")
        end = stop
    if end != size:
        raise ValueError(f"its tensors have {end:,} bytes, the file has {max(0, size):,} for them")


def _of_zip(file: Path) -> Any:
    try:
        with zipfile.ZipFile(file) as archive:
            inside = [n for n in archive.namelist() if n.rpartition("/")[2] == "data.pkl"]
            if not inside:
                raise ValueError("it is a zip file, but not of torch.save")
            with archive.open(inside[0]) as stream:
                state, stored = _unpickle(stream)
            folder = inside[0].removesuffix("data.pkl")
            for key in stored:
                if f"{folder}data/{key}" not in archive.namelist():
                    raise ValueError(f"it is damaged (the numbers of tensor {key} are missing)")
            return state
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"it is damaged ({error})") from error


def _of_pickles(file: Path) -> Any:
    with file.open("rb") as stream:
        for _ in range(_BEFORE):
            _unpickle(stream)
        return _unpickle(stream)[0]


def _unpickle(stream: IO[bytes]) -> tuple[Any, list[str]]:
    """Return what a pickle holds, and the keys under which the numbers of its tensors lie."""
    reader = _Reader(stream)
    try:
        return reader.load(), list(dict.fromkeys(reader.stored))
    except zipfile.BadZipFile:
        raise
    except Exception as error:  # a damaged pickle raises whatever it likes
        raise ValueError(f"its list of tensors is damaged ({error})") from error


class _Shape(tuple[int, ...]):
    """The shape that stands for a tensor."""


class Empty:
    """What stands for any other object; it takes all that a pickle does to one."""

    def __new__(cls, *_: Any, **__: Any) -> "Empty":
        """Make one of whatever the object is made of."""
        return super().__new__(cls)

    def __setstate__(self, _: Any) -> None: ...

    def __setitem__(self, _: Any, __: Any) -> None: ...

    def extend(self, _: Any) -> None:
        """Take items."""


class _Reader(pickle.Unpickler):
    """Unpickle with shapes for tensors and empty objects for the rest."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self.stored: list[str] = []

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a global; nothing is imported."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils" and name.startswith("_rebuild_tensor"):
            return lambda *args: _Shape(args[2])  # storage, offset, size, ...
        if module == "torch._utils" and name.startswith("_rebuild_parameter"):
            return lambda tensor, *_: tensor
        return Empty

    def persistent_load(self, said: Any) -> None:
        """Leave the numbers where they are; note the key: ("storage", kind, key, ...)."""
        if isinstance(said, tuple) and len(said) > 2:
            self.stored.append(str(said[2]))
