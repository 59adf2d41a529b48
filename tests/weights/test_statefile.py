"""Files of weights that say what cannot be: refused with the reason, whatever is in them."""

import io
import json
import pickle
import zipfile

import pytest

from repro.weights import statefile


def stored(shape=(2, 2), dtype="F32", offsets=(0, 16)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def write(path, header, data=16, length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(raw) if length is None else length
    path.write_bytes(length.to_bytes(8, "little") + raw + bytes(data))
    return path


def test_what_safetensors_allow_is_read(tmp_path):
    """Tensors without numbers or without dimensions, in any order, and padding with spaces."""
    header = {
        "__metadata__": {"format": "pt"},
        "last": stored((3,), "BF16", (20, 26)),
        "scalar": stored((), "F32", (16, 20)),
        "first": stored(),
        "none": stored((0, 5), "I64", (26, 26)),
    }
    raw = json.dumps(header).encode() + b"   "
    shapes = statefile.shapes(write(tmp_path / "x", raw, 26))
    assert shapes == {"last": (3,), "scalar": (), "first": (2, 2), "none": (0, 5)}


ONE = b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'


@pytest.mark.parametrize(
    ("header", "options", "said"),
    [
        ({"a": stored()}, {"data": 0}, "have 16 bytes, the file has 0"),
        ({"a": stored()}, {"data": 15}, "have 16 bytes, the file has 15"),
        ({"a": stored()}, {"data": 17}, "have 16 bytes, the file has 17"),
        ({"a": stored()}, {"length": 50_000_000, "data": 0}, "the file has 0"),
        (b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", {}, "nested too deeply"),
        (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, {}, "nested too deeply"),
        (b"{" + ONE + b"," + ONE + b"}", {"data": 4}, "stands in it twice"),
        ({"a": stored((2, 3))}, {}, "bytes of a are not"),
        ({"a": stored(offsets=(1, 17))}, {"data": 17}, "bytes of a are not"),
        ({"a": stored(), "b": stored(offsets=(8, 24))}, {"data": 24}, "bytes of b are not"),
        ({"a": stored(), "b": stored()}, {}, "bytes of b are not"),
        ({"a": stored((-2, -2))}, {}, "a has no shape"),
        ({"a": stored((2.0, 2))}, {}, "a has no shape"),
        ({"a": stored((True, 4))}, {}, "a has no shape"),
        ({"a": {**stored(), "shape": {"x": 1}}}, {}, "a has no shape"),
        ({"a": {**stored(), "shape": 4}}, {}, "damaged"),
        ({"a": stored((10**30,), offsets=(0, 4 * 10**30))}, {}, "the file has 16"),
        ({"a": stored(dtype="F33")}, {}, "an unknown kind, 'F33'"),
        ({"a": stored(dtype=["F32"])}, {}, "damaged"),
        ({"a": stored(offsets=("0", "16"))}, {}, "damaged"),
        ({"a": stored(offsets=(0,))}, {}, "damaged"),
        ({"a": {"shape": [2, 2]}}, {}, "damaged"),
        ({"a": 3}, {}, "damaged"),
        ({"a": {**stored(), "more": 1}}, {}, "damaged"),
    ],
)
def test_a_header_that_cannot_be_is_refused(header, options, said, tmp_path):
    with pytest.raises(ValueError, match="header is damaged") as caught:
        statefile.shapes(write(tmp_path / "x", header, **options))
    assert said in str(caught.value)


def rebuilt(key):
    """Pickle {"w": a tensor of shape (2, 3)} as torch does, its numbers under `key`."""

    class Storage:
        pass

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            return ("storage", "F", key, "cpu", 6) if isinstance(thing, Storage) else None

    from torch._utils import _rebuild_tensor_v2

    class Tensor:
        def __reduce__(self):
            return _rebuild_tensor_v2, (Storage(), 0, (2, 3), (3, 1), False, {})

    stream = io.BytesIO()
    Pickler(stream, 2).dump({"w": Tensor()})
    return stream.getvalue()


def test_a_file_of_torch_without_the_numbers_of_a_tensor_is_refused(tmp_path):
    path = tmp_path / "x.pth"
    for members, fits in ((["x/data/0"], True), ([], False), (["x/data/1"], False)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x/data.pkl", rebuilt("0"))
            for member in members:
                archive.writestr(member, bytes(24))
        if fits:
            assert statefile.shapes(path) == {"w": (2, 3)}
        else:
            with pytest.raises(ValueError, match="the numbers of tensor 0 are missing"):
                statefile.shapes(path)
