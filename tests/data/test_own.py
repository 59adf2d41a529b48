"""The user's own data: from a CSV to a dataset that every command knows."""

import numpy as np
import pytest
import soundfile

from repro.data import clips, manifest, own, prepare, registry, sources
from repro.data.clips import ClipSource
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

    def csv(header="path,label,group", row=lambda n, f: f"{f},{'ab'[n % 2]},{f[:6]}"):
        lines = [header, *(row(n, f) for n, f in enumerate(files))]
        (tmp_path / "clips.csv").write_text("\n".join(lines) + "\n")
        return tmp_path / "clips.csv"

    return root, csv


def test_any_folder_becomes_a_dataset(birds, home):
    root, csv = birds
    own.add("mybirds", root, csv(), home.data)
    there = sources.add("mybirds", root, home.data)
    assert there.coverage == "40 of 40 clips"
    assert "mybirds" in registry.names(home.data)
    assert "mybirds" not in registry.names()
    card = registry.card("mybirds", home.data)
    assert (card.clips, card.seconds, card.group) == (40, 8039 / 8000, "group of your CSV")
    listed = manifest.load("mybirds", home.data)
    assert listed.classes == ("a", "b")
    assert {clip.group for clip in listed.clips} == {f"site {n}" for n in range(4)}
    store = prepare.prepare("mybirds", 8000, home)
    assert len(store.ids) == 40
    settings = clips.natural("mybirds", home.data)
    source = ClipSource("mybirds", "local", **settings)
    chosen = clips.select(source, home.data)
    assert (chosen.present, chosen.total, chosen.registered) == (40, 40, True)
    assert sum(len(part) for part in chosen.split.parts().values()) == 40


def test_the_protocol_is_the_one_that_the_data_calls_for(birds, home):
    root, csv = birds
    cases = [
        ("path,label", lambda n, f: f"{f},a", ("random", 1, 0.1, 0.2)),
        ("path,label,fold", lambda n, f: f"{f},a,{1 + n % 5}", ("official", 5, 0.25, 0)),
        ("path,label,group", lambda n, f: f"{f},a,g{n % 20}", ("grouped", 1, 0.1, 0.2)),
        ("path,label,group", lambda n, f: f"{f},a,g{n % 4}", ("random", 1, 0.1, 0.2)),
        ("path,label,split", lambda n, f: f"{f},a,{['train', 'Val', 'test'][n % 3]}",
         ("official", 1, 0, 0)),
        ("path,label,split", lambda n, f: f"{f},a,{['train', 'test'][n % 2]}",
         ("official", 1, 0.1, 0)),
    ]  # fmt: skip
    for number, (header, row, expected) in enumerate(cases):
        name = f"birds{number}"
        own.add(name, root, csv(header, row), home.data)
        found = clips.natural(name, home.data)
        have = (found["protocol"], found.get("folds", 1), found["valid"], found.get("test", 0))
        assert have == expected
        ClipSource(name, "local", **found).splits(manifest.load(name, home.data))


@pytest.mark.parametrize(
    ("name", "header", "row", "message"),
    [
        ("My Birds", "path,label", "{f},a", "no name for a dataset"),
        ("esc50", "path,label", "{f},a", "a dataset that the suite knows"),
        ("birds", "path,lable", "{f},a", "unknown column 'lable': did you mean 'label'"),
        ("birds", "path", "{f}", "no column 'label'"),
        ("birds", "path,label,split,fold", "{f},a,train,1", "split or fold, not both"),
        ("birds", "path,label", "{f},", "line 2: no label"),
        ("birds", "path,label", "/etc/passwd,a", "not a path inside the folder"),
        ("birds", "path,label", "../{f},a", "not a path inside the folder"),
        ("birds", "path,label,fold", "{f},a,one", "fold 'one' is no whole number"),
        ("birds", "path,label,split", "{f},a,holdout", "split 'holdout': use train, valid, test"),
        ("birds", "path,label", '{f},"a,b"', "comma, quote or tab"),
        ("birds", "path,label", "x{f},a", "40 of 40 clips are not in"),
        ("birds", "path,label", "same.wav,a", "listed twice"),
    ],
)
def test_a_wrong_csv_is_named_by_file_line_and_value(birds, home, name, header, row, message):
    root, csv = birds
    file = csv(header, lambda n, f: row.format(f=f))
    with pytest.raises(UserError, match=message) as caught:
        own.add(name, root, file, home.data)
    assert str(file) in caught.value.message or "name" in message or "knows" in message
    assert not home.data.exists()


def test_several_labels_make_it_multi_label(birds, home):
    root, csv = birds
    own.add("mybirds", root, csv("path,label", lambda n, f: f"{f},b;a"), home.data)
    assert registry.card("mybirds", home.data).multilabel
    assert {c.label for c in manifest.load("mybirds", home.data).clips} == {"a;b"}


def test_files_that_are_no_audio_are_named(birds, home):
    root, csv = birds
    file = csv()
    next(root.rglob("*.wav")).write_bytes(b"text")
    with pytest.raises(UserError, match=r"\.wav: no audio that can be read"):
        own.add("mybirds", root, file, home.data)
