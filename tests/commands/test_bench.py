"""repro bench train: a system of the tables at full size; what is printed, what is kept."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from repro import places
from repro.commands import bench as verb
from repro.commands._entry import main
from repro.measure import clock, limits
from repro.train import determinism

SMALL = ("--batch", "2", "--steps", "2", "--rounds", "1", "--threads", "1")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home without data, whose generated clips are made once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _no_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the device's rates unmeasured, and the threads of this process alone."""
    monkeypatch.setattr(limits, "matrix_rate", lambda *_: 1e9)
    monkeypatch.setattr(limits, "bandwidth", lambda *_: 1e9)
    monkeypatch.setattr(determinism, "set_up", lambda _: None)


def repro(*words: str) -> Result:
    return CliRunner().invoke(main, ["bench", "train", *words])


def test_a_full_size_system_on_generated_clips(home: Path, tmp_path: Path) -> None:
    words = ("m3net", *SMALL, "--home", str(home), "--format", "json", "--into", str(tmp_path))
    done = repro(*words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["table"] == "m3net-urbansound8k"
    assert (found["parameters"], found["input"]) == (29_392, [400, 64])
    assert found["audio"] == "generated: urbansound8k is not here"
    assert (found["batch"], found["steps"], found["precision"]) == (2, 2, "fp32")
    assert set(found["phases"]) == set(found["shares"]) == set(clock.PHASES)
    assert sum(found["shares"].values()) == pytest.approx(1)
    # 18.8 M multiply-adds of a clip (repro models), forward and backward, two clips.
    assert found["limit"]["operations"] == pytest.approx(6 * 18.8e6 * 2, rel=0.01)
    assert found["execution"]["torch"]
    assert len(found["git"]["commit"]) == 40
    assert found["measured"].endswith("+00:00")
    (file,) = tmp_path.iterdir()  # no temporary file is left
    assert file.name.endswith("-m3net-batch2.json")
    assert json.loads(file.read_text()) == found


@pytest.mark.slow
def test_a_file_is_whole_or_not_there(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert repro("m3net", *SMALL, "--home", str(home)).exit_code == 0  # the clips are there now

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = repro("m3net", *SMALL, "--home", str(home), "--into", str(tmp_path))
    assert done.exit_code == 2
    assert "No space left" in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_text_says_all_of_it(home: Path) -> None:
    done = repro("m3net", *SMALL, "--home", str(home))
    lines = done.stdout.splitlines()
    starts = ["system", "recipe", "audio", "device", "rate", "memory", "input", "limit", "bare"]
    for start in [*starts, *clock.PHASES]:
        assert any(line.strip().startswith(start) for line in lines), start
    assert "features are computed once and kept" in done.stdout
    assert "determinism" not in done.stdout
    assert "round 1 of 1" in done.stderr


def test_another_table_and_another_reading() -> None:
    home = places.home("/nonexistent")
    found, run = verb._run("eat-s", "eat-esc50", {"precision": "fp32"}, home)
    assert (found, run.resolved["recipe"]["precision"]) == ("eat-esc50", "fp32")
    found, run = verb._run("eat-m", None, {}, home)
    assert (found, run.clips.dataset) == ("eat-audioset", "audioset_unbalanced")


@pytest.mark.parametrize("table", [None, "m3net-urbansound8k"])
def test_a_rival_is_measured_by_its_name(table: str | None) -> None:
    found, run = verb._run("phinets-m40", table, {}, places.home("/nonexistent"))
    assert (found, run.system) == ("m3net-urbansound8k", "phinets-m40")


def test_the_name_of_a_file_tells_what_was_asked_for() -> None:
    report = {"system": "eat-s", "batch": 8, "execution": {"device_name": "NVIDIA H200"}}
    assert verb._name(report, False, None) == "nvidia-h200-eat-s.json"
    assert verb._name(report, True, "eat-esc50") == "nvidia-h200-eat-s-eat-esc50-batch8.json"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("eat-z",), "did you mean"),
        (("m3net", "--table", "eat-esc50"), "which stands in m3net-urbansound8k, m3net-sp"),
        (("phinets-m40", "--table", "eat-phase"), "train phinets-m40 --table m3net-urbansound8k"),
        (("phinets", "--table", "m3net-urbansound8k"), "did you mean 'phinets-m40'"),
        (("m3net", "--table", "m3net-esc50"), "unknown table"),
        (("m3net", "--device", "cuda:99"), "cuda:99 is not here"),
        (("m3net", "--device", "tpu"), "unknown device"),
        (("m3net", "--assume", "precision"), "expected KEY=VALUE"),
    ],
)
def test_a_mistake_is_named_with_a_next_step(words: tuple[str, ...], message: str) -> None:
    done = repro(*words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Next:" in done.stderr


def test_keeping_needs_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verb._folder(True, None) == Path(__file__).parents[2] / "benchmarks" / "results"
    assert verb._folder(False, None) is None
    monkeypatch.setattr(places, "checkout", lambda: None)
    done = repro("m3net", "--save")
    assert done.exit_code == 2
    assert "--into DIR" in done.stderr


def test_help_needs_no_torch() -> None:
    code = "import sys; from repro.commands import bench; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
