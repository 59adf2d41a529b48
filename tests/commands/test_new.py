"""repro new: the files that it writes work at once, and what is wrong in them is named."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from repro import places
from repro.commands._entry import main
from repro.data import manifest, registry
from repro.errors import UserError


@pytest.fixture
def repro(tmp_path: Path):
    def repro(*words: object, code: int = 0) -> Result:
        done = CliRunner().invoke(main, [*map(str, words), "--home", str(tmp_path / "home")])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == code, done.output
        return done

    return repro


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """Write clips of two classes by three speakers, the longest of 0.75 s."""
    for label in ("robin", "wren"):
        for at in range(6):
            file = tmp_path / "birds" / label / f"s{at % 3}_{at}.wav"
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, np.full(4000 + 400 * at, 0.1), 8000)
    return tmp_path / "birds"


def test_what_is_suggested_next_names_the_home(repro, birds: Path, tmp_path: Path) -> None:
    home, spaced = f"--home {tmp_path / 'home'}", birds.rename(tmp_path / "my birds")
    made = repro("new", "dataset", "mybirds", "--from", spaced)
    assert f"next: repro data add mybirds '{spaced}' {home}\n" in made.stderr
    assert f"next: repro show mypaper-results {home}\n" in repro("new", "table", "mypaper").stderr
    network = repro("new", "model", "mynet").stderr
    assert f"--with mynet --profile demo {home}\n" in network


def test_a_folder_that_is_not_there_leads_to_another_new(repro, tmp_path: Path) -> None:
    """It led to `data add` of a dataset that there is not yet."""
    refused = repro("new", "dataset", "mybirds", "--from", tmp_path / "gone", code=2)
    assert "Next:  repro new dataset mybirds --from DIR" in refused.stderr


def test_a_dataset_works_at_once(repro, birds: Path, tmp_path: Path) -> None:
    made = repro("new", "dataset", "mybirds", "--from", birds)
    file = tmp_path / "home" / "extensions" / "datasets" / "mybirds.py"
    assert str(file) in made.stdout
    assert "seconds=0.75," in file.read_text()
    added = repro("data", "add", "mybirds", birds).stdout
    assert "mybirds: 12 of 12 clips" in added
    assert "12 clips, 2 classes, 12 groups" in added
    (row,) = (r for r in json.loads(repro("data", "list", "--format", "json").stdout)
              if r["dataset"] == "mybirds")  # fmt: skip
    assert (row["here"], row["listed"]) == (12, 12)
    on = ["plan", "m3net-speechcommands", "--on", "mybirds", "--profile", "demo", "--seeds", "0"]
    assert "0 done, 1 to train" in repro(*on).stdout

    # Speakers are groups: the file says it, and the list is made again where that is asked.
    text = file.read_text().replace('group=f"{label}/{stem}",', 'group=stem.partition("_")[0],')
    file.write_text(text)
    assert "as it was made" in repro("data", "add", "mybirds", birds).stdout
    listed = repro("data", "manifest", "mybirds", "--rebuild", birds).stdout
    assert "12 clips, 2 classes, 3 groups" in listed
    assert repro("data", "remove", "mybirds").stdout.startswith("mybirds: no longer registered")


def test_names_that_are_taken_are_refused(repro, birds: Path) -> None:
    assert "that the suite knows" in repro("new", "dataset", "esc50", code=2).stderr
    assert "no name for a dataset" in repro("new", "dataset", "My Birds", code=2).stderr
    repro("new", "dataset", "mybirds")
    for again in (
        ("new", "dataset", "mybirds"),
        ("data", "add", "mybirds", birds, "--manifest", "x"),
    ):
        repro(*again, code=2)
    with (birds / "clips.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "label"), ("robin/s0_0.wav", "a"),
                                      ("wren/s0_0.wav", "b")])  # fmt: skip
    repro("data", "add", "others", birds, "--manifest", birds / "clips.csv")
    assert "repro data remove others" in repro("new", "dataset", "others", code=2).stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("CARD = Card(", "CARD = Card(((", "mybirds.py, line"),
        ("CARD = Card(", "CARD = Card(color=1,", "unexpected keyword argument 'color'"),
        ("CARD = Card(", "OTHER = Card(", "no CARD"),
        ("    return [", "    return nothing + [", "NameError"),
        ('id=f"{label}/{stem}.wav"', 'id="one.wav"', "listed twice"),
    ],
)
def test_what_is_wrong_in_a_datasets_file_is_named(
    old: str, new: str, said: str, repro, birds: Path, tmp_path: Path
) -> None:
    repro("new", "dataset", "mybirds")
    file = tmp_path / "home" / "extensions" / "datasets" / "mybirds.py"
    file.write_text(file.read_text().replace(old, new))
    done = repro("data", "add", "mybirds", birds, code=2)
    assert said in done.stderr
    assert str(file) in done.stderr


def test_without_its_list_a_dataset_says_what_to_type(
    repro, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repro("new", "dataset", "mybirds")
    monkeypatch.setenv("REPRO_EXTENSIONS", str(tmp_path / "home" / "extensions"))
    data = places.home(tmp_path / "home").data
    assert "mybirds" in registry.names(data)
    assert "mybirds" not in registry.names()
    with pytest.raises(UserError, match="its list is made when its folder is added") as told:
        manifest.load("mybirds", data)
    assert told.value.next_step == "repro data add mybirds DIR"


@pytest.mark.slow
def test_a_model_of_the_users_is_measured_and_its_time_stands_in_the_table(
    repro, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repro.measure import timing

    monkeypatch.setattr(timing, "start", lambda job: {"median": 2.5, "load": 0.0})
    repro("new", "model", "mynet", "--like", "eat-esc50")
    (row,) = json.loads(
        repro("models", "measure", "mynet", "--table", "eat-esc50", "--format", "json").stdout
    )
    # Two convolutions over samples, a norm, a head of 50 classes.
    assert row["parameters"] == 16 * 129 + 16 + 32 + 32 * 16 * 5 + 32 + 50 * 32 + 50
    assert row["latency"] == {"5s": [2.5] * 5}
    made = json.loads(
        repro("table", "eat-esc50", "--with", "mynet", "--render-only", "--format", "json",
              code=4).stdout
    )  # fmt: skip
    cells = {c["column"]: c for c in made["cells"] if c["row"] == "mynet"}
    assert cells["time"]["ours"] == 2.5
    assert cells["parameters"]["ours"] == pytest.approx(row["parameters"] / 1e6)
    assert any(note.startswith("Time of mynet: the network alone") for note in made["notes"])


@pytest.mark.slow
def test_weights_of_a_model_of_the_users_are_in_the_id_of_its_runs(repro, tmp_path: Path) -> None:
    repro("new", "model", "mynet")
    folder = tmp_path / "home" / "extensions"
    toml = folder / "models" / "mynet.toml"
    ask = ["plan", "m3net-urbansound8k", "--with", "mynet", "--profile", "demo", "--only", "mynet",
           "--format", "json"]  # fmt: skip

    def planned(code: int = 0) -> str:
        return repro(*ask, code=code).output

    plain = planned()
    toml.write_text(f'{toml.read_text()}\n[[init]]\nname = "mine.pt"\n')
    assert "mine.pt" in planned(code=2)  # there is no such file
    (folder / "weights").mkdir()
    (folder / "weights" / "mine.pt").write_bytes(b"one")
    first = planned()
    (folder / "weights" / "mine.pt").write_bytes(b"another")
    assert len({plain, first, planned()}) == 3
