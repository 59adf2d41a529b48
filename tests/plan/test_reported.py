"""Results that the user made elsewhere: what people's files look like is read, or named."""

import pytest

from repro.errors import UserError
from repro.plan import reported

HEAD = "system,seed,fold,metric,value\n"


@pytest.fixture
def read(tmp_path):
    """Read a file of this text (or bytes) for UrbanSound8K, whose list is shipped."""

    def read(content):
        file = tmp_path / "results.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return reported.read(file, "urbansound8k", tmp_path)

    return read


@pytest.mark.parametrize(
    "content",
    [
        HEAD + "theirs,0,1,accuracy,81.2\ntheirs,0,2,accuracy,79.5\n",
        b"\xef\xbb\xbf" + (HEAD + "theirs,0,1,accuracy,81.2\ntheirs,0,2,accuracy,79.5").encode(),
        (HEAD + "theirs,0,1,accuracy,81.2\ntheirs,0,2,accuracy,79.5\n").encode("utf-16"),
        "system;seed;fold;metric;value\r\ntheirs;0;1;accuracy;81,2\r\n\r\ntheirs;0;2;accuracy;79,5",
        HEAD + "theirs, 0, 1, test.accuracy, 81.2 %\ntheirs,0,2,accuracy,79.5%\n",
        ",system,seed,fold,metric,value\n0,theirs,0,1,accuracy,81.2\n1,theirs,0,2,accuracy,79.5\n",
    ],
    ids=["plain", "BOM", "UTF-16", "semicolons", "per cent", "index"],
)
def test_files_as_people_write_them_say_the_same(read, content):
    (one,) = read(content)
    assert one.values == {"test.accuracy": {(0, 1): 81.2, (0, 2): 79.5}}
    assert one.texts == {"test.accuracy": "80.35"}  # the mean of the folds


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "nothing in it"),
        (HEAD, "no line after the first"),
        ("system,metric,value\na,accuracy,1\n", "its columns are system, metric, value"),
        (HEAD + "a,,1,accuracy,80\n", "line 2: seed '' is no whole number"),
        (HEAD + "a,0,one,accuracy,80\n", "line 2: fold 'one' is no whole number"),
        (HEAD + "a,0,1,accuracy\n", "line 2: 4 cells, the first line has 5"),
        (HEAD + ",0,1,accuracy,80\n", "line 2: no system"),
        (HEAD + "a,0,1,accuracy,80\na,0,1,accuracy,80\n", "line 3: seed 0, fold 1 of a a second"),
        (HEAD + "a,0,1,loss,0.5\n", "line 2: unknown metric 'test.loss'"),
        (HEAD + "a,0,1,accuracy,n/a\n", "line 2: value 'n/a' is no per cent"),
        (HEAD + "a,0,1,accuracy,nan\n", "line 2: value 'nan' is no per cent"),
        (HEAD + "a,0,1,accuracy,812\n", "line 2: value '812' is no per cent"),
        (HEAD + "a,0,1,accuracy,0.81\na,0,2,accuracy,0.79\n", "all values are at most 1"),
        (b"\xff\xfes\x00", "its columns are s;"),
        (b"system,seed,fold,metric,value\na\xe9,0,1,accuracy,80\n", "line 2: not UTF-8"),
        ("system,seed,clip,cat,dog\na,0,x.wav,1,0\n", "are not the classes of urbansound8k"),
    ],
)
def test_what_cannot_be_read_is_named(read, content, said):
    with pytest.raises(UserError) as told:
        read(content)
    assert "results.csv" in told.value.message
    assert said in told.value.message
    assert told.value.next_step == "mend the file, then ask again" or "0.974" in str(
        told.value.next_step
    )
