"""The user's own data: from a CSV to a dataset that every command knows."""

import os
import shutil
import time

import numpy as np
import pytest
import soundfile

from repro.data import clips, manifest, prepare, registry, sources
from repro.data.clips import ClipSource
from repro.data.own import adding, rows
from repro.data.own import table as tables
from repro.data.own.table import mapping
from repro.errors import UserError
from repro.places import Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home", tmp_path / "home" / "data", tmp_path / "home" / "cache")


@pytest.fixture
def birds(tmp_path):
    """Make a folder of 40 clips in a layout of no paper; return it and a writer of the CSV."""
    root = tmp_path / "birds"
    for number in range(40):
        file = (
            root / f"site {number % 4}" / f"rec-{number:02d}.{('wav', 'flac', 'ogg')[number % 3]}"
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        samples = np.random.default_rng(number).integers(-900, 900, 8000 + number).astype(np.int16)
        soundfile.write(file, samples, 8000)
    files = sorted(f.relative_to(root).as_posix() for f in root.rglob("*.*"))

    def csv(header="path,label,group", row=lambda n, f: f"{f},{'ab'[n % 2]},{f[:6]}", lines=()):
        lines = [header, *(row(n, f) for n, f in enumerate(files)), *lines]
        (tmp_path / "clips.csv").write_text("\n".join(lines) + "\n")
        return tmp_path / "clips.csv"

    return root, csv


def test_any_folder_becomes_a_dataset(birds, home):
    root, csv = birds
    added = adding.add("mybirds", root, csv(), home.data)
    assert added.there == sources.located("mybirds", home.data)
    assert added.there.coverage == "40 of 40 clips"
    assert added.notes == ("protocol grouped: 4 grouped folds, each the test set once; the next "
                           "fold is the validation set",)  # fmt: skip
    assert "mybirds" in registry.names(home.data)
    assert "mybirds" not in registry.names()
    card = registry.card("mybirds", home.data)
    assert (card.clips, card.seconds, card.group) == (40, 8039 / 8000, "group of your CSV")
    listed = manifest.load("mybirds", home.data)
    assert listed.classes == ("a", "b")
    assert {clip.group for clip in listed.clips} == {f"site {n}" for n in range(4)}
    store = prepare.prepare("mybirds", 8000, home)
    assert len(store.ids) == 40
    source = ClipSource("mybirds", "local", **clips.called_for("mybirds", home.data))
    chosen = clips.select(source, home.data)
    assert (chosen.present, chosen.total, chosen.registered) == (40, 40, True)
    assert sum(len(part) for part in chosen.split.parts().values()) == 40


@pytest.mark.parametrize(
    ("name", "header", "row", "message"),
    [
        ("My Birds", "path,label", "{f},a", "no name for a dataset"),
        ("esc50", "path,label", "{f},a", "a dataset that the suite knows"),
        ("birds", "path,label", "/etc/passwd,a", "not a path inside the folder"),
        ("birds", "path,label", "../{f},a", "not a path inside the folder"),
        ("birds", "path,label", "a/../../{f},a", "not a path inside the folder"),
        ("birds", "path,label", "x{f},a", "40 clips are not in"),
    ],
)
def test_a_wrong_name_or_path_is_named_and_leaves_nothing(birds, home, name, header, row, message):
    root, csv = birds
    file = csv(header, lambda n, f: row.format(f=f))
    with pytest.raises(UserError, match=message) as caught:
        adding.add(name, root, file, home.data)
    assert str(file) in caught.value.message or "name" in message or "knows" in message
    assert not home.data.exists()


def test_several_labels_make_it_multi_label(birds, home):
    root, csv = birds
    adding.add("mybirds", root, csv("path,label", lambda n, f: f"{f},b; a"), home.data)
    assert registry.card("mybirds", home.data).multilabel
    assert {c.label for c in manifest.load("mybirds", home.data).clips} == {"a;b"}


def test_files_that_are_no_audio_are_named(birds, home):
    root, csv = birds
    file = csv()
    next(root.rglob("*.wav")).write_bytes(b"text")
    with pytest.raises(UserError, match=r"\.wav: cannot be decoded: .*not recognised"):
        adding.add("mybirds", root, file, home.data)
    assert not home.data.exists()


def test_what_is_missing_is_named_ten_times_with_what_is_there(birds, home):
    """Among them a pipe, which would wait for ever, and a format that is not decoded."""
    root, csv = birds
    os.mkfifo(root / "pipe.wav")
    (root / "phone.m4a").touch()
    (root / "gone.wav").symlink_to("nowhere.wav")
    more = [f"{name},a" for name in ("pipe.wav", "phone.wav", "gone.wav", "rec-07.flac")]
    more += [f"none{n}.wav,a" for n in range(9)]
    with pytest.raises(UserError) as caught:
        adding.add("mybirds", root, csv("path,label", lambda n, f: f"{f},a", more), home.data)
    first, *named = caught.value.message.splitlines()
    assert first.endswith(f"13 of 53 clips are not in {root}:")
    assert [line.strip() for line in named[:4]] == [
        "gone.wav: gone.wav is a link to what is not there (No such file or directory)",
        "none0.wav: no such file",
        "none1.wav: no such file",
        "none2.wav: no such file",
    ]
    assert len(named) == 10
    again = f"repro data add mybirds {root} --manifest {root.parent}/clips.csv"
    assert f"then {again};" in caught.value.next_step
    assert "--columns" in caught.value.next_step


@pytest.mark.parametrize(
    ("header", "row", "kind", "told"),
    [
        ("path,label,split", lambda n, f: f"{f},a,{('train', 'test', '')[n % 3]}", None,
         {"13 of 40 clips are in no part and are left out"}),
        ("path,label,split", lambda n, f: f"{f},a,{('train', 'valid')[n % 2]}", "random",
         {"not used: the split (train, valid) that mybirds names"}),
        ("path,label,group", lambda n, f: f"{f},a,{f[:6]}", "random",
         {"not used: its 4 groups"}),
        ("path,label,group", lambda n, f: f"{f},a,{f[:6]}", None, set()),
        ("path,label", lambda n, f: f"{f},a", None, set()),
    ],
)  # fmt: skip
def test_what_a_split_leaves_aside_stands_under_the_table(birds, home, header, row, kind, told):
    root, csv = birds
    adding.add("mybirds", root, csv(header, row), home.data)
    clips.forget()
    called = clips.called_for("mybirds", home.data, kind)
    found = clips.findings(ClipSource("mybirds", "local", **called), home.data)
    assert {f.text for f in found if "groups of" not in f.text} == told


def test_links_that_leave_the_folder_are_said(birds, home, tmp_path):
    """A tree of links is a usual way to gather clips; that they lie elsewhere is worth a line."""
    root, csv = birds
    (root / "inside.wav").symlink_to("site 0/rec-00.wav")
    (tmp_path / "other").mkdir()
    soundfile.write(tmp_path / "other" / "x.wav", np.ones(100, np.int16), 8000)
    (root / "outside.wav").symlink_to(tmp_path / "other" / "x.wav")
    (root / "elsewhere").symlink_to(tmp_path / "other")
    more = ["inside.wav,a", "outside.wav,a", "elsewhere/x.wav,b"]
    file = csv("path,label", lambda n, f: f"{f},a", more)
    notes = adding.add("mybirds", root, file, home.data).notes
    told = "2 clips are links to files outside the folder, such as elsewhere/x.wav"
    assert told in notes


def test_columns_of_another_table_are_named_once_and_the_rest_is_said(birds, home):
    """As esc50.csv is: a path of a file's name, columns of its own, a fold under our name."""
    root, csv = birds
    file = csv(
        "filename,fold,target,category,src_file",
        lambda n, f: f"{f.rpartition('/')[2]},{1 + n % 5},{n % 2},{'ab'[n % 2]},{f[:6]}",
    )
    with pytest.raises(UserError, match="are not in"):
        adding.add("mybirds", root, file, home.data, mapping("path=filename,label=category"))
    asked = mapping("path={src_file}/{filename},label=category")
    added = adding.add("mybirds", root, file, home.data, asked)
    assert added.notes[0] == "columns not used: target"
    assert added.notes[1].startswith("protocol official: 5 official folds")
    assert {c.id[:6] for c in manifest.load("mybirds", home.data).clips} == {
        f"site {n}" for n in range(4)
    }


@pytest.mark.data
@pytest.mark.parametrize(
    ("table", "folder", "asked", "count", "folds"),
    [
        ("esc50/esc50.csv", "esc50/audio", "path=filename,label=category,group=src_file", 2000, 5),
        ("urbansound8k/UrbanSound8K.csv", "urbansound8k/audio",
         "path=fold{fold}/{slice_file_name},label=class,group=fsID", 8732, 10),
    ],
)  # fmt: skip
def test_the_tables_of_esc50_and_urbansound8k_are_read_as_they_are(
    shared_data, home, tmp_path, table, folder, asked, count, folds
):
    """Every row becomes a clip; here the audio of all but the shared samples is a tiny file."""
    opened = tables.read(shared_data / "metadata" / table)
    made = rows.clips(opened, tables.columns(opened, mapping(asked)))
    known = manifest.load(table.partition("/")[0])
    assert len(made) == count
    assert {c.part for c in made} == {str(n + 1) for n in range(folds)}
    assert {(c.id, c.label, c.group, c.part) for c in made} == {
        (c.id.removeprefix("audio/"), c.label, c.group, c.part) for c in known.clips
    }
    lines = (shared_data / "metadata" / table).read_text().splitlines()
    there = {file.stem for file in (shared_data / "audio" / folder).rglob("*.*")}
    some = [lines[0], *(line for line in lines[1:] if line.split(",")[0][:-4] in there)]
    (tmp_path / "some.csv").write_text("\n".join(some))
    added = adding.add("mine", shared_data / "audio" / folder, tmp_path / "some.csv", home.data,
                       mapping(asked))  # fmt: skip
    assert len(added.there.found) == len(some) - 1 == len(there)


@pytest.mark.slow
def test_a_million_rows_take_seconds(tmp_path, home):
    """186 s once, nearly all of it libsndfile's opening of each file; now 15 s of a processor."""
    root, lines = tmp_path / "many", ["path,label,group,fold"]
    soundfile.write(tmp_path / "one.wav", np.ones(100, np.int16), 8000)
    for folder in range(1000):
        (root / f"{folder:03d}").mkdir(parents=True)
        shutil.copy(tmp_path / "one.wav", root / f"{folder:03d}" / "000.wav")
        for number in range(1, 1000):  # a file may have 65,000 names
            os.link(
                root / f"{folder:03d}" / "000.wav", root / f"{folder:03d}" / f"{number:03d}.wav"
            )
        lines += [f"{folder:03d}/{number:03d}.wav,label {number % 50},g{folder},{1 + folder % 10}"
                  for number in range(1000)]  # fmt: skip
    (tmp_path / "clips.csv").write_text("\n".join(lines) + "\n")
    start = time.process_time()
    added = adding.add("many", root, tmp_path / "clips.csv", home.data)
    assert len(added.there.found) == 1_000_000
    assert time.process_time() - start < 45
