"""The user's table: what is read, and what every fault of it is called."""

import pytest

from repro.data.own import rows, table
from repro.errors import UserError


def clips(tmp_path, text, asked="", code="utf-8"):
    file = tmp_path / "clips.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode(code))
    opened = table.read(file)
    made = rows.clips(opened, table.columns(opened, table.mapping(asked) if asked else {}))
    return [tuple(clip) for clip in made]


ONE = [("a.wav", "dog", "a.wav", "")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("path,label\na.wav,dog\n", "utf-8"),
        ("path,label\r\na.wav,dog\r\n", "utf-8-sig"),
        ("\n\npath,label\n\na.wav,dog", "utf-8"),
        ("path;label\na.wav;dog\n", "utf-8"),
        ("path\tlabel\na.wav\tdog\n", "utf-8"),
        ("path|label\na.wav|dog\n", "utf-8"),
        ("path\tlabel\r\na.wav\tdog\r\n", "utf-16"),
        ("Path, LABEL\n./a.wav , dog \n", "utf-8"),
        (",path,label\n0,a.wav,dog\n", "utf-8"),
        ("Unnamed: 0,path,label\n0,a.wav,dog\n", "utf-8"),
        ('path,label\n"a.wav","dog"\n', "utf-8"),
        ("label,path\ndog;dog; ,a.wav\n", "utf-8"),
    ],
)
def test_what_spreadsheets_and_pandas_write_is_read(tmp_path, text, code):
    assert clips(tmp_path, text, code=code) == ONE


def test_an_index_of_pandas_is_left_out_and_said(tmp_path):
    (tmp_path / "clips.csv").write_text(",path,label\n0,a.wav,dog\n")
    assert "pandas" in table.read(tmp_path / "clips.csv").notes[0]


def test_everything_that_may_be_stated(tmp_path):
    text = "path,label,group,split\na.wav,b;a,ann,Training\nb.wav,a,,dev\nc.wav,c,bob,\n"
    assert clips(tmp_path, text) == [
        ("a.wav", "a;b", "ann", "train"),
        ("b.wav", "a", "b.wav", "valid"),
        ("c.wav", "c", "bob", ""),
    ]
    assert clips(tmp_path, "path,label,fold\na.wav,x,0\nb.wav,x,10\nc.wav,x,\n") == [
        ("a.wav", "x", "a.wav", "0"), ("b.wav", "x", "b.wav", "10"), ("c.wav", "x", "c.wav", "")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("path=file,label=category", ("x.wav", "dog", "x.wav", "3")),
        ("path=file,label=category,group=who", ("x.wav", "dog", "ann", "3")),
        ("path=fold{fold}/{file},label=category", ("fold3/x.wav", "dog", "fold3/x.wav", "3")),
        ("path={who}-{file}.flac,label={category}_{who}", ("ann-x.wav.flac", "dog_ann",
                                                           "ann-x.wav.flac", "3")),
    ],
)  # fmt: skip
def test_columns_are_mapped_by_name_or_made_of_several(tmp_path, asked, expected):
    text = "file,fold,category,who\nx.wav,3,dog,ann\n"
    assert clips(tmp_path, text, asked) == [expected]


def test_what_is_mapped_leaves_the_other_columns_aside_and_names_them(tmp_path):
    (tmp_path / "clips.csv").write_text("file,fold,category,who\nx.wav,3,dog,ann\n")
    opened = table.read(tmp_path / "clips.csv")
    found = table.columns(opened, table.mapping("path=file,label=category"))
    assert set(found.of) == {"path", "label", "fold"}, "a column called as ours is used"
    assert found.unused == ("who",)


LONG = "9" * 5000
FAULTS = {
    "": ("no clips; expected a first line", ""),
    "path,label\n": ("no clips; expected lines", ""),
    "path,lable\na,b\n": ("unknown column 'lable'", "--columns path=path,label=lable"),
    "path\na\n": ("no column 'label'", ""),
    "filename,category\na,b\n": (
        "no column 'path' and no 'label'; unknown columns 'filename', 'category'",
        "--columns path=filename,label=category",
    ),
    "slice_file_name,fsID,fold,class\na,1,1,b\n": (
        "unknown columns", "--columns path=slice_file_name,label=class,group=fsID,fold=fold"
    ),
    "path,label,speaker\na,b,c\n": (
        "unknown column 'speaker'", "--columns path=path,label=label,group=speaker"
    ),
    "path,label,split,fold\na,b,train,1\n": ("give split or fold, not both", ""),
    "path,label,label\na,b,c\n": ("line 1: two columns are called 'label'", ""),
    "path,label,Label\na,b,c\n": ("two columns are called 'label'", ""),
    "path,label,\na,b,c\n": ("line 1: column 3 has no name", ""),
    "path,label\n\n\na,\n": ("line 4: no label", ""),
    "path,label\na, ; ;\n": ("line 2: no label", ""),
    "path,label\n ,b\n": ("line 2: no path", ""),
    "path,label,group\na,b\n": ("line 2: 2 cells, and the first line has 3 columns", ""),
    "path,label\na,b,c\n": ("line 2: 3 cells, and the first line has 2 columns", ""),
    'path,label\na,"b\n': ("line 2: no line of a CSV", ""),
    f"path,label\na,{'x' * (1 << 21)}\n": ("line 2: no line of a CSV", ""),
    'path,label\na,"b,c"\n': ("comma, quote, tab or line end in label 'b,c'", ""),
    'path,label\n"a\nb",c\n': ("line 3: comma, quote, tab or line end in path", ""),
    "path,label\na,b\x1b[31m\n": (r"letters that cannot be seen in label 'b\\x1b\[31m'", ""),
    "path,label\na,b\u202e\n": ("letters that cannot be seen in label", ""),
    "path,label\na\u00ad,b\n": ("letters that cannot be seen in path", ""),
    "path,label,group\na,b,\x07\n": ("letters that cannot be seen in group", ""),
    "path,label,fold\na,b,one\n": ("fold 'one' is no whole number below 10,000", ""),
    "path,label,fold\na,b,\u00b2\n": ("fold '\u00b2' is no whole number", ""),
    "path,label,fold\na,b,\u0663\n": ("fold '\u0663' is no whole number", ""),
    "path,label,fold\na,b,01\n": ("fold '01' is no whole number", ""),
    "path,label,fold\na,b,1.0\n": ("fold '1.0' is no whole number", ""),
    f"path,label,fold\na,b,{LONG}\n": ("fold '9{60}' is no whole number", ""),
    "path,label,split\na,b,holdout\n": ("split 'holdout': use train, valid, test", ""),
    "path,label\na.wav,b\nc,d\n\na.wav,b\n": ("line 5: 'a.wav' is the clip of line 2", ""),
    "path,label\na.wav,b\na.flac,b\n": ("line 3: 'a.flac' is the clip of line 2", ""),
    "path,label\na.wav,b\n./a.wav,b\n": ("line 3: 'a.wav' is the clip of line 2", ""),
    "path,label\na,dog\nb,DOG\n": (r"label 'dog' \(line 2\) and label 'DOG' \(line 3\) differ", ""),
    "path,label\na,x;dog\nb,Dog;y\n": (r"label 'dog' \(line 2\) and label 'Dog' \(line 3\)", ""),
    "path,label\na,caf\u00e9\nb,cafe\u0301\n": ("differ only in capitals or in how accents", ""),
    "path,label,group\na,x,Ann\nb,x,ann\n": (r"group 'Ann' \(line 2\) and group 'ann'", ""),
    b"path,label\na,b\nc,\xb9\xb7\n": (
        "line 3: not UTF-8; read as gb18030 the line says 'c,\u72d7'", "iconv -f GB18030"
    ),
    b"path,label\na,caf\xe9\n": ("line 2: not UTF-8; read as cp1252 the line says 'a,caf\u00e9'",
                                 "iconv -f CP1252"),
    b"p\0a\0t\0h\0,\0l\0": ("line 1: a byte of zero: no text, or UTF-16 without its mark",
                            "iconv -f UTF-16LE"),
}  # fmt: skip


@pytest.mark.parametrize("text", FAULTS, ids=lambda text: repr(text)[:40])
def test_a_fault_is_named_by_file_line_and_value(tmp_path, text):
    message, then = FAULTS[text]
    with pytest.raises(UserError, match=message) as caught:
        clips(tmp_path, text)
    assert caught.value.message.startswith(str(tmp_path / "clips.csv"))
    assert then in caught.value.next_step
    assert len(caught.value.message) < 600
    caught.value.message.encode()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("path=file", "no column 'label'"),
        ("path=flie,label=category", "no column 'flie'; did you mean 'file'"),
        ("path={fold}/{flie},label=category", "no column 'flie'; did you mean 'file'"),
        ("path,label", "'path'; known: path"),
        ("path=,label=x", "'path='; known"),
        ("wav=file", "'wav=file'; known"),
        ("path=file,path=category", "path twice"),
    ],
)
def test_a_wrong_mapping_is_named(tmp_path, asked, message):
    with pytest.raises(UserError, match=message):
        clips(tmp_path, "file,fold,category\nx.wav,3,dog\n", asked)


def test_a_suggested_command_maps_the_table(tmp_path):
    text = "slice_file_name,fsID,fold,class\nx.wav,7,2,dog\n"
    with pytest.raises(UserError) as caught:
        clips(tmp_path, text)
    option = caught.value.next_step.partition("--columns ")[2]
    assert clips(tmp_path, text, option) == [("x.wav", "dog", "7", "2")]


def test_letters_of_any_script_are_letters(tmp_path):
    text = "path,label\nx.wav,می\u200cشود\ny.wav,狗\nz.wav,naïve 🐕\n"
    assert [label for _, label, *_ in clips(tmp_path, text)] == ["می\u200cشود", "狗", "naïve 🐕"]
