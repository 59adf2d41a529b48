"""repro verify: a record is trained again, apart from the ledger, and compared to the bit."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from repro import places
from repro.commands._entry import main
from repro.commands.runs import again as second
from repro.engines import local
from repro.records import seal
from repro.records.ledger import Ledger
from tests import fake_ledger, tiny, whole_records

# Plays a worker: what it "trains" is the record in FROM; LIKE says how it starts and ends.
PLAYED = """
import json, os, shutil, sys
home = sys.argv[sys.argv.index("--home") + 1]
with open(home + ".asked", "w") as told:
    json.dump({"argv": sys.argv[1:], "data": os.environ["REPRO_DATA"],
               "cache": os.environ["REPRO_CACHE"], "runs": os.listdir(home + "/runs")}, told)

def say(**event):
    print(json.dumps(event), flush=True)

say(event="ready")
for line in sys.stdin:
    job = json.loads(line)
    like = LIKE
    if like.get("killed"):
        os.abort()
    record = FROM
    say(event="start", run=job["run"], epochs=3, parameters=1,
        store=like.get("store", "5" * 64), execution=os.path.basename(record))
    if like.get("status", "complete") == "complete":
        shutil.copytree(record, f"{home}/runs/{job['run']}/{os.path.basename(record)}")
    say(event="end", run=job["run"], status=like.get("status", "complete"),
        cause=like.get("cause", ""))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def verify(*words: Any) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, words)], prog_name="repro")


def files(runs: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}


@pytest.fixture
def play(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Verify a record with a played training; the ledger must stay as it was."""

    def play(record: Path, again: Path, *words: str, **like: Any) -> Result:
        script = tmp_path / "worker.py"
        text = PLAYED.replace("LIKE", repr(like)).replace("FROM", repr(str(again)))
        script.write_text(text)
        monkeypatch.setattr(local, "WORKER", (sys.executable, str(script)))
        before = files(home / "runs")
        done = verify(f"{record.parent.name}/{record.name}", "--home", home, *words)
        assert files(home / "runs") == before
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return play


def test_a_run_that_comes_out_the_same_is_equal(play: Any, home: Path) -> None:
    record = whole_records.write(home / "runs", threads=3)
    done = play(record, record)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"EQUAL: run {record.parent.name}, execution {record.name}\n")
    assert "weights: equal at each of 12 epochs" in done.stdout
    assert "test: the scores of 3 clips equal to the bit" in done.stdout
    assert list((home / "cache" / "verify").glob("[!.]*/")) == []  # nothing stays behind
    told = asked(home)
    assert told["argv"][:4] == ["--device", "cpu", "--threads", "3"]
    assert told["data"] == str(home / "data")
    # Nothing kept is believed: waveforms are made again.
    assert told["cache"].startswith(str(home / "cache" / "verify"))


def test_the_first_epoch_that_differs_is_named(play: Any, home: Path, tmp_path: Path) -> None:
    record = whole_records.write(home / "runs")
    again = whole_records.write(tmp_path / "again", weights=("a", "x", "y"))
    done = play(record, again)
    assert done.exit_code == 5
    assert done.stdout.startswith("DIFFERENT: run ")
    assert "weights: part at epoch 2" in done.stdout
    found = json.loads(play(record, again, "--format", "json").stdout)
    assert (found["verdict"], found["first_epoch"], found["tier"]) == ("DIFFERENT", 2, "exact")


def test_predictions_alone_can_differ(play: Any, home: Path, tmp_path: Path) -> None:
    record = whole_records.write(home / "runs")
    scores = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.25]]
    done = play(record, whole_records.write(tmp_path / "again", scores=scores))
    assert done.exit_code == 5
    assert "weights: equal at each of 12 epochs" in done.stdout
    assert "test: 0 of 3 clips predicted otherwise, other scores on 1" in done.stdout


@pytest.mark.parametrize("weights", ["abcdefghijkl", "xyzdefghijkl"])
def test_another_execution_is_said_and_promises_nothing(
    weights: str, play: Any, home: Path, tmp_path: Path
) -> None:
    record = whole_records.write(home / "runs")
    again = whole_records.write(tmp_path / "again", weights=list(weights), threads=1)
    done = play(record, again)
    equal = weights == "abcdefghijkl"
    assert done.exit_code == (0 if equal else 5)
    assert done.stdout.startswith("EQUAL" if equal else "OTHER EXECUTION")
    assert f"recorded by execution {record.name}, trained here by {again.name}" in done.stdout
    assert "threads: 2 -> 1" in done.stdout
    assert "the tier is statistical" in done.stdout
    assert f"note: this is execution {again.name}" in done.stderr
    found = json.loads(play(record, again, "--format", "json").stdout)
    assert (found["tier"], found["equal"]) == ("statistical", equal)


def asked(home: Path) -> Any:
    """Return what a played worker was started with."""
    (told,) = (home / "cache" / "verify").glob("*.asked")
    return json.loads(told.read_text())


def test_a_run_that_starts_from_another_finds_its_weights(play: Any, home: Path) -> None:
    parent = whole_records.write(home / "runs", whole_records.run("asm"), kept=b"weights")
    start = {"kind": "run", "name": "asm", "recipe": "", "dataset": "", "run": parent.parent.name}
    resolved = {**whole_records.run().resolved, "init": [start]}
    record = whole_records.write(home / "runs", resolved=resolved)
    assert play(record, record).exit_code == 0
    assert asked(home)["runs"] == [parent.parent.name]
    assert (parent / seal.WEIGHTS).read_bytes() == b"weights"  # deleting the home apart spared it


def assert_refused(done: Result, *said: str) -> None:
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert done.stderr.count("Error: ") == done.stderr.count("\nNext:  ") == 1
    for fragment in said:
        assert fragment in done.stderr


def test_other_audio_is_noticed_before_the_first_epoch(play: Any, home: Path) -> None:
    record = whole_records.write(home / "runs")
    done = play(record, record, store="6" * 64)
    assert_refused(done, "the audio has changed", "555555555555", "666666666666", "data verify")
    assert not (home / "cache" / "verify").exists() or not list(
        (home / "cache" / "verify").glob("*/runs")
    )


@pytest.mark.parametrize(
    ("like", "said"),
    [({"status": "failed", "cause": "too large"}, "too large"), ({"killed": True}, "SIGABRT")],
)
def test_a_training_that_fails_here_is_no_verdict(
    like: dict[str, Any], said: str, play: Any, home: Path
) -> None:
    record = whole_records.write(home / "runs")
    done = play(record, record, **like)
    assert done.exit_code == 5
    assert done.stdout == ""
    assert "failed where its record has a result" in done.stderr
    assert said in done.stderr
    assert f"\nNext:  repro verify {record.parent.name}" in done.stderr  # no record to show


def test_a_run_that_another_process_verifies_is_left_to_it(play: Any, home: Path) -> None:
    record = whole_records.write(home / "runs")
    assert_refused(
        play(record, record, status="busy", cause="by process 1"),
        "being trained again: by process 1",
    )


def test_the_weights_of_a_recorded_run_are_kept_if_they_are_the_same(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    record = whole_records.write(home / "runs")
    where = places.Home(root=home, data=home / "data", cache=home / "cache")
    (read,) = Ledger.of(where).trainings(record.parent.name)

    def keep(made: Path) -> bool:
        script = tmp_path / "worker.py"
        script.write_text(PLAYED.replace("LIKE", "{}").replace("FROM", repr(str(made))))
        monkeypatch.setattr(local, "WORKER", (sys.executable, str(script)))
        return second.keep([read], "cpu", where)

    before = files(home / "runs")
    other = whole_records.write(tmp_path / "other", kept=b"others", weights=("a", "x", "y"))
    assert not keep(other)
    assert "its weights are not those of the record" in capsys.readouterr().err
    assert files(home / "runs") == before
    assert keep(whole_records.write(tmp_path / "same", kept=b"the weights"))
    assert "trained again to the same bits" in capsys.readouterr().err
    assert (record / seal.WEIGHTS).read_bytes() == b"the weights"
    assert seal.holds(record, seal.WEIGHTS, seal.sums((record / seal.SEAL).read_bytes()))
    fresh = Ledger.of(where)
    assert [r.run for r in fresh.trainings(read.run)] == [read.run]  # and not damaged
    assert list((home / "cache" / "keep").glob("[!.]*/")) == []
    assert {path.name for path in files(record)} == {*(path.name for path in before), seal.WEIGHTS}


def test_what_cannot_be_trained_again_is_refused_with_the_reason(home: Path) -> None:
    def refused(*said: str, **changes: Any) -> None:
        shutil.rmtree(home / "runs", ignore_errors=True)
        write = whole_records.fail if changes.get("status") == "failed" else whole_records.write
        folder = write(home / "runs", **changes)
        assert_refused(verify(folder.parent.name, "--home", home), *said)

    def resolved(**changes: Any) -> dict[str, Any]:
        return {**whole_records.run().resolved, **changes}

    refused("failed", "out of memory", "repro runs retry", status="failed")
    refused("repro/train/loop.py had version 99, here it has", "commit 0123456789ab",
            "git checkout 0123456789ab", resolved=resolved(loop_version=99))  # fmt: skip
    refused("commit unknown", resolved=resolved(loop_version=99),
            git={"commit": None, "dirty": None})  # fmt: skip
    refused("are not those of run", resolved=resolved(split="0" * 64))
    parent = {"kind": "run", "name": "asm", "recipe": "", "dataset": "", "run": "0" * 12}
    refused("starts from run 000000000000", resolved=resolved(init=[parent]))
    whole = whole_records.run(profile="full")
    refused("needs speech_commands_v2_35", "repro data add speech_commands_v2_35", of=whole)


def test_a_record_that_was_changed_is_refused(home: Path) -> None:
    folder = whole_records.write(home / "runs")
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(text.replace('"seed": 0', '"seed": 7'))
    assert_refused(
        verify(folder.parent.name, "--home", home), "run.json has been changed", str(folder)
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """The small table's root, a home with one trained run, and its id."""
    folder = tmp_path_factory.mktemp("verify")
    # Epochs enough that Ctrl-C, below, comes before the last.
    root, home = tiny.tables(folder, epochs=60), folder / "home"
    words = ["table", tiny.TABLE, "--profile", "demo", "--only", "asm-rh", "--seeds", "0"]
    process = tiny.start(root, *words, "--threads", "1", "--home", str(home))
    _, said = process.communicate(timeout=180)
    assert process.returncode == 0, said
    return root, home, tiny.run(root).id


def again(trained: tuple[Path, Path, str], *words: str) -> "subprocess.Popen[str]":
    root, home, run = trained
    return tiny.start(root, "verify", run, "--home", str(home), *words)


@pytest.mark.slow
def test_a_real_run_is_verified_to_the_bit_also_after_ctrl_c(
    trained: tuple[Path, Path, str],
) -> None:
    _, home, run = trained
    before = files(home / "runs")
    work = home / "cache" / "verify"
    for _ in range(3):  # a machine in a hurry may be done before the signal comes
        process = again(trained)
        while process.poll() is None and not list(work.glob("*/runs/.work/*/checkpoint-*")):
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=180)
        if process.returncode != 0:
            break
    assert process.returncode == 130, said
    assert "the same command again continues" in said
    kept = list(work.glob("*/runs/.work/*/checkpoint-*"))
    process = again(trained, "--format", "json")
    printed, said = process.communicate(timeout=180)
    assert process.returncode == 0, said
    assert ("resumed after epoch" in said) == bool(kept)
    found = json.loads(printed)
    assert (found["run"], found["verdict"], found["first_epoch"]) == (run, "EQUAL", None)
    assert found["predictions"]["test"]["scores"] == 0
    assert list(work.iterdir()) == []
    assert files(home / "runs") == before


@pytest.mark.slow
def test_a_record_with_one_other_digest_is_found_out(trained: tuple[Path, Path, str]) -> None:
    _, home, run = trained
    (epochs,) = (home / "runs" / run).glob("*/epochs.jsonl")
    rows = [json.loads(line) for line in epochs.read_text().splitlines()]
    rows[1]["weights"] = "0" * 16
    epochs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    record = json.loads((epochs.parent / "run.json").read_bytes())
    fake_ledger.sealed(epochs.parent, record)  # as somebody might who means it
    process = again(trained)
    printed, said = process.communicate(timeout=180)
    assert process.returncode == 5, said
    assert printed.startswith(f"DIFFERENT: run {run}")
    assert "weights: part at epoch 2" in printed


@pytest.mark.slow
def test_a_model_of_the_user_s_is_taken_from_the_record(home: Path) -> None:
    """The file has changed since; its copy in the record has not."""

    def repro(*words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--home", str(home)], prog_name="repro")

    assert repro("new", "model", "mynet").exit_code == 0
    own = ("--with", "mynet", "--only", "mynet", "--seeds", "0", "--profile", "demo")
    repro("table", "m3net-speechcommands", *own)
    (record,) = home.glob("runs/*/*/run.json")
    with (home / "extensions/models/mynet.py").open("a") as file:
        file.write("raise ValueError('changed since')\n")
    done = verify(record.parents[1].name, "--home", home)
    assert done.exit_code == 0, done.output
    assert "the record can be made again here, to the bit" in done.stdout
