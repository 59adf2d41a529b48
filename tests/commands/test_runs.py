"""repro runs: records are listed, shown, checked, compared, moved, retried and tidied."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from repro import places
from repro.commands._entry import main
from repro.commands.runs import listing
from repro.commands.shared import screen
from repro.engines import local
from repro.records import writing
from repro.records.ledger import Ledger
from repro.stats import metrics
from tests import disks, fake_ledger, whole_records


@pytest.fixture(autouse=True)
def no_shipped_results(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> None:
    """Leave out what the suite ships, which grows."""
    empty, shipped = tmp_path_factory.mktemp("empty"), places.shipped
    monkeypatch.setattr(places, "shipped", lambda f: empty if f == "results" else shipped(f))


def repro(*words: object) -> Result:
    return CliRunner().invoke(main, ["runs", *map(str, words)], prog_name="repro")


def assert_refused(done: Result, *said: str) -> None:
    """Assert one message that says all of these, and a next step."""
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("Error: ")
    assert "\nNext:  " in done.stderr
    for fragment in said:
        assert fragment in done.stderr


def measure(home: Path) -> Path:
    """Write the record of a measurement, as `repro models measure` does."""
    resolved = {"kind": "measure", "model": {"name": "asmrh", "args": {}, "version": 1},
                "frontend": {"name": "fbank"}, "dataset": "esc50"}  # fmt: skip
    return fake_ledger.measure(home / "runs", resolved, "no device", {"parameters": 12345})


def test_a_list_holds_results_failures_and_runs_in_progress(tmp_path: Path) -> None:
    done = whole_records.write(tmp_path / "runs")
    failed = whole_records.fail(tmp_path / "runs", whole_records.run("asm"))
    measure(tmp_path)
    with writing.work(tmp_path / "runs", "0" * 12, "aaaaaa"):
        listed = repro("list", "--home", tmp_path)
    lines = listed.stdout.splitlines()
    of = {line.split()[0]: line for line in lines}
    assert "complete" in of[done.parent.name]
    assert "66.67 %" in of[done.parent.name]  # two of three clips
    assert "failed" in of[failed.parent.name]
    assert "in progress" in of["0" * 12]
    assert len(lines) == 4
    assert lines[0].split() == [
        "RUN", "EXEC", "STATUS", "PROFILE", "SYSTEM", "ON", "SPLIT", "SEED", "SCORE", "TIME"
    ]  # fmt: skip
    rows = json.loads(repro("list", "--home", tmp_path, "--format", "json").stdout)
    assert {row["run"] for row in rows} == {done.parent.name, failed.parent.name}


def test_a_list_is_filtered_and_sorted_and_names_what_is_not_there(tmp_path: Path) -> None:
    good = whole_records.write(tmp_path / "runs").parent.name
    better = whole_records.write(
        tmp_path / "runs", whole_records.run(seed=1),
        scores=[[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]],
    ).parent.name  # fmt: skip
    failed = whole_records.fail(tmp_path / "runs", whole_records.run("asm")).parent.name

    def listed(*words: str) -> list[str]:
        done = repro("list", "--home", tmp_path, "--format", "json", *words)
        return [row["run"] for row in json.loads(done.stdout)]

    assert listed() == sorted([good, better, failed])
    assert listed("--sort", "score") == [better, good, failed]  # what has no score comes last
    assert listed("--system", "asm") == listed("--status", "failed") == [failed]
    assert set(listed("--on", "speech_commands_v2_35", "--system", "asm-rh")) == {good, better}
    assert listed("--protocol", "random") == []
    assert_refused(repro("list", "--home", tmp_path, "--system", "asmrh"), "mean 'asm-rh'")


@pytest.mark.parametrize("write", [whole_records.write, whole_records.fail, None])
def test_every_kind_of_record_is_shown(write: Any, tmp_path: Path) -> None:
    folder = write(tmp_path / "runs") if write else measure(tmp_path)
    shown = repro("show", folder.parent.name[:8], "--home", tmp_path)
    assert shown.exit_code == 0, shown.output
    assert str(folder) in shown.stdout
    whole = json.loads(
        repro("show", folder.parent.name, "--home", tmp_path, "--format", "json").stdout
    )
    assert whole[0]["run"] == folder.parent.name


def test_one_thread_is_one_thread(tmp_path: Path) -> None:
    folder = whole_records.write(tmp_path / "runs", threads=1)
    shown = repro("show", folder.parent.name, "--home", tmp_path).stdout
    assert ", 1 thread, torch" in shown


def test_a_run_says_what_was_asked_and_where_it_fails(tmp_path: Path) -> None:
    # Of three test clips of three classes the second is taken for the third.
    scores = [[0.8, 0.1, 0.1], [0.2, 0.1, 0.7], [0.1, 0.3, 0.6]]
    folder = whole_records.write(tmp_path / "runs", scores=scores)
    lines = repro("show", folder.parent.name, "--home", tmp_path).stdout.splitlines()
    assert lines[3].startswith("asked by   repro table asmrh-speechcommands --profile demo")
    assert any(", 2 threads, torch" in line for line in lines)
    (errors,) = (line for line in lines if line.startswith("errors "))
    assert "balanced accuracy 66.67 %" in errors  # (1 + 0 + 1) / 3
    assert "macro F1 55.56 %" in errors  # 1, none of one, 2 * 1 / (1 + 2): (1 + 0 + 2/3) / 3
    (read,) = json.loads(
        repro("show", folder.parent.name, "--home", tmp_path, "--format", "json").stdout
    )
    (wrong,) = read["errors"]["worst"]
    assert (wrong["score"], wrong["its_score"]) == (pytest.approx(0.1), pytest.approx(0.7))
    assert [m["clips"] for m in read["errors"]["mistakes"]] == [1]


def test_clips_of_several_classes_are_listed_and_shown_by_map(tmp_path: Path) -> None:
    scores = np.array([[0.9, 0.2], [0.1, 0.8], [0.7, 0.6]])
    measured = metrics.measure(scores, np.array([[1, 0], [0, 1], [1, 1]]))
    changes = {"metrics": {"valid": measured, "test": measured}}
    folder = whole_records.write(tmp_path / "runs", **changes)
    rows = [{"epoch": 1, "loss": 0.5, "valid": measured, "weights": "a"}]
    (folder / "epochs.jsonl").write_text("".join(json.dumps(row) for row in rows))
    fake_ledger.sealed(folder, json.loads((folder / "run.json").read_bytes()))
    assert "100.00 % mAP" in repro("list", "--home", tmp_path).stdout
    assert "mAP 100.00 % of 3" in repro("show", folder.parent.name, "--home", tmp_path).stdout


def test_a_home_that_cannot_be_written_can_be_read_and_exported(tmp_path: Path) -> None:
    folder = whole_records.write(tmp_path / "home" / "runs")
    whole_records.fail(tmp_path / "home" / "runs", aside=1)
    with disks.read_only(tmp_path / "home") as home:
        for words in (("list",), ("show", folder.parent.name), ("prune",), ("stale",)):
            done = repro(*words, "--home", home)
            assert done.exit_code == 0, done.output
        done = repro("export", tmp_path / "out.tar.gz", "--home", home)
        assert done.exit_code == 0, done.output
        for words in (("import", tmp_path / "out.tar.gz"), ("prune", "--yes")):
            assert_refused(repro(*words, "--home", home), "Read-only file system", str(home))


def test_diff_names_the_epoch_the_fields_and_the_predictions(tmp_path: Path) -> None:
    one = whole_records.write(tmp_path / "runs")
    other = whole_records.write(
        tmp_path / "runs",
        whole_records.run(seed=1),
        weights=("a", "x", "y", *whole_records.EPOCHS[3:]),
        scores=[[0.8, 0.1, 0.1], [0.2, 0.1, 0.7], [0.5, 0.3, 0.2]],
        store="6" * 64,
        threads=1,
    )
    names = (one.parent.name, other.parent.name)
    text = repro("diff", *names, "--home", tmp_path).stdout
    assert "weights: part at epoch 2 (equal up to epoch 1; 12 and 12 epochs)" in text
    assert "  seed: 0 -> 1\n" in text
    assert "  threads: 2 -> 1\n" in text
    assert f"  store: {'5' * 12} -> {'6' * 12}" in text
    assert "test: 1 of 3 clips predicted otherwise" in text
    found = json.loads(repro("diff", *names, "--home", tmp_path, "--format", "json").stdout)
    assert (found["first_epoch"], found["equal"]) == (2, False)
    assert found["resolved"]["seed"] == [0, 1]
    assert found["executions"] == {"threads": [2, 1]}
    assert found["data"]["store"] == ["5" * 64, "6" * 64]
    assert found["predictions"]["test"]["classes"] == 1


def test_diff_takes_two_executions_of_one_run(tmp_path: Path) -> None:
    one = whole_records.write(tmp_path / "runs")
    other = whole_records.write(tmp_path / "runs", threads=1)
    names = [f"{p.parent.name[:6]}/{p.name[:4]}" for p in (one, other)]
    done = repro("diff", *names, "--home", tmp_path)
    assert done.exit_code == 0, done.output
    assert "resolved run: equal" in done.stdout
    assert "weights: equal at each of 12 epochs" in done.stdout
    run = one.parent.name
    assert_refused(repro("diff", run, run, "--home", tmp_path), "one record", f"{run}/{other.name}")
    assert_refused(
        repro("diff", f"{run}/ffff", run, "--home", tmp_path), "no execution", one.name, other.name
    )
    measured = measure(tmp_path).parent.name
    assert_refused(repro("diff", run, measured, "--home", tmp_path), "a measurement, not a run")


PLAYED = """
import json, sys
threads, home = (sys.argv[sys.argv.index(name) + 1] for name in ("--threads", "--home"))
device = sys.argv[sys.argv.index("--device") + 1]
print(json.dumps({"event": "ready"}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    with open(f"{home}/trained", "a") as told:
        print(job["run"], device, threads, file=told)
    status, cause = ("complete", "") if job["resolved"]["seed"] == 0 else ("failed", "again")
    print(json.dumps({"event": "end", "run": job["run"], "status": status, "cause": cause}),
          flush=True)
"""


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where training is played: seed 0 completes, every other fails; who trained is told."""
    script = tmp_path / "worker.py"
    script.write_text(PLAYED)
    monkeypatch.setattr(local, "WORKER", (sys.executable, str(script)))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def trained(home: Path) -> list[str]:
    told = home / "trained"
    return sorted(told.read_text().splitlines()) if told.exists() else []


@pytest.mark.parametrize("room", [20, 40, 60, 80, 120])
def test_columns_fit_a_screen_by_leaving_out_and_then_by_breaking(room, monkeypatch) -> None:
    head = ("RUN", "STATUS", "SYSTEM", "SCORE")
    rows = [("004fecae9393", "complete", "gafx-r, gafx-r-10s, asm", "52.50 %"),
            ("042b42bf0ef4", "complete", "m3net", "7.50 %")]  # fmt: skip
    right, spare = ("SCORE",), ("STATUS", "SCORE")
    whole, none = screen.columns(head, rows, right, spare)  # piped: whatever the width
    assert none == []
    assert [len(one) for one in whole] == [1, 1, 1]
    monkeypatch.setattr(screen, "terminal", lambda: True)
    monkeypatch.setattr(screen, "width", lambda: room)
    lines, left = screen.columns(head, rows, right, spare, indent=2)
    # 12 + 8 + 23 + 7 and three gaps of 2 are 56: STATUS goes below 58, SCORE below 48.
    assert left == [name for name, least in (("STATUS", 58), ("SCORE", 48)) if room < least]
    widest = max(len(line) for one in lines for line in one)
    assert widest <= max(room, 2 + 12 + 2 + len("gafx-r-10s,"))
    told = " ".join(" ".join(one) for one in lines)
    assert all(word in told for word in ("gafx-r,", "gafx-r-10s,", "m3net", "042b42bf0ef4"))
    assert (lines if room > 58 else whole)[1][0].strip().endswith("52.50 %")


def test_what_all_runs_share_is_said_once_where_room_lacks(played: Path, monkeypatch) -> None:
    whole_records.write(played / "runs")
    rows = list(Ledger([played / "runs"]).rows())
    monkeypatch.setattr(screen, "terminal", lambda: True)
    monkeypatch.setattr(screen, "width", lambda: 60)
    said, head, *_ = listing._lines(rows)
    assert said.startswith("all: exec ")
    assert "STATUS" not in head
    assert f"status {rows[0]['status']}" in said


def test_retry_trains_what_failed_and_nothing_else(played: Path) -> None:
    runs = played / "runs"
    one, two = whole_records.run("asm"), whole_records.run("asm-rh")
    whole_records.fail(runs, one, threads=3)
    whole_records.fail(runs, one, threads=3, aside=1)
    whole_records.fail(runs, two)
    done = whole_records.run("asm", seed=2)
    whole_records.fail(runs, done, threads=1)
    whole_records.write(runs, done)  # it failed in one execution, and has a result in another
    measure(played)
    said = repro("retry", "--dry-run", "--home", played)
    lines = said.stdout.splitlines()
    commands = {
        line.split()[0]: command for line, command in zip(lines[::2], lines[1::2], strict=True)
    }
    assert commands.keys() == {one.id, two.id}
    for run in (one, two):
        assert f"--seeds 0 --only {run.system} " in commands[run.id]
        assert (" --threads 3 " in commands[run.id]) == (run is one)
    assert "out of memory" in said.stdout
    asked = json.loads(repro("retry", "--dry-run", "--home", played, "--format", "json").stdout)
    assert {(row["run"], row["done"]) for row in asked["runs"]} == {
        (one.id, False), (two.id, False),
    }  # fmt: skip
    assert trained(played) == []
    assert repro("retry", "--home", played).exit_code == 0
    assert trained(played) == sorted([f"{one.id} cpu 3", f"{two.id} cpu 2"])


def test_retry_says_what_fails_again_and_what_cannot_be_trained_here(played: Path) -> None:
    again = whole_records.run("asm", seed=1)
    whole_records.fail(played / "runs", again)
    resolved = {**whole_records.run().resolved, "loop_version": 99}
    whole_records.fail(played / "runs", resolved=resolved)
    said = repro("retry", "--home", played, "--gpu", "0")
    assert said.exit_code == 5
    assert trained(played) == [f"{again.id} cuda:0 2"]
    assert f"run {again.id} failed: again" in said.stderr
    assert "repro/train/loop.py had version 99" in said.stderr
    assert "Traceback" not in said.stderr


def test_path_and_retry_answer_as_json(played: Path) -> None:
    folder = whole_records.write(played / "runs")
    (told,) = json.loads(
        repro("path", folder.parent.name, "--home", played, "--format", "json").stdout
    )
    assert told == {"run": folder.parent.name, "execution": folder.name, "path": str(folder)}


def test_retry_of_a_run_that_has_a_result_is_refused(played: Path) -> None:
    run = whole_records.write(played / "runs").parent.name
    assert_refused(repro("retry", run[:6], "--home", played), "has a result", run)
    assert "no failed runs" in repro("retry", "--home", played).stderr


def test_a_killed_worker_leaves_no_record_to_be_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to type next must lead somewhere: there is no record, so `show` would fail."""
    script = tmp_path / "worker.py"
    script.write_text('print(\'{"event": "ready"}\', flush=True); input(); raise SystemExit(9)')
    monkeypatch.setattr(local, "WORKER", (sys.executable, str(script)))
    words = ["table", "asmrh-speechcommands", "--profile", "demo", "--only", "asm", "--seeds", "0"]
    done = CliRunner().invoke(main, [*words, "--home", str(tmp_path / "home")])
    assert done.exit_code == 5
    assert "its process ended with exit code 9\n  see: repro runs list" in done.stderr


def test_export_and_import_by_name_and_by_table(tmp_path: Path) -> None:
    one = whole_records.write(tmp_path / "a" / "runs")
    whole_records.write(tmp_path / "a" / "runs", whole_records.run(seed=1))
    whole_records.fail(tmp_path / "a" / "runs", whole_records.run("asm"))
    other = whole_records.write(
        tmp_path / "a" / "runs", resolved={**whole_records.run().resolved, "seed": 77},
        asked="repro table eat-esc50",
    )  # fmt: skip
    file = tmp_path / "out.tar.gz"

    def imported(to: str, *words: str) -> int:
        done = repro("export", file, *words, "--home", tmp_path / "a")
        assert done.exit_code == 0, done.output
        done = repro("import", file, "--home", tmp_path / to, "--format", "json")
        assert done.exit_code == 0, done.output
        return len(json.loads(done.stdout)["added"])

    assert imported("one", one.parent.name[:6]) == 1
    assert imported("table", "--table", "asmrh-speechcommands") == 2
    assert imported("all") == 3
    assert not (tmp_path / "table" / "runs" / other.parent.name).exists()
    failed = whole_records.run("asm").id
    assert_refused(repro("export", file, failed, "--home", tmp_path / "a"), "no result")
    both = repro("export", file, failed, "--table", "eat-esc50", "--home", tmp_path / "a")
    assert_refused(both, "exclude each other")


def test_import_names_a_conflict_and_ends_with_3(tmp_path: Path) -> None:
    whole_records.write(tmp_path / "a" / "runs")
    there = whole_records.write(tmp_path / "b" / "runs", weights=("a", "b", "other"))
    repro("export", tmp_path / "a.tar.gz", "--home", tmp_path / "a")
    done = repro("import", tmp_path / "a.tar.gz", "--home", tmp_path / "b")
    assert done.exit_code == 3
    assert f"conflict: {there.parent.name}/{there.name}" in done.stderr
    (tmp_path / "text.txt").write_text("no archive")
    done = repro("import", tmp_path / "text.txt", "--home", tmp_path / "b")
    assert_refused(done, "damaged archive", "where the records are: `repro runs export FILE`\n")
    assert str(tmp_path / "b") not in done.stderr.partition("Next:")[2]  # they are elsewhere


def test_a_record_at_home_that_ships_too_is_one_and_a_contradiction_is_named(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    there = whole_records.write(places.shipped("results"))
    name = f"{there.parent.name}/{there.name}"

    def words() -> list[str]:
        done = repro("check", "--home", home, "--format", "json")
        return [row["word"] for row in json.loads(done.stdout)]

    def listed() -> Result:
        done = repro("list", "--home", home)
        assert done.stdout.count(there.parent.name) == 1
        return done

    shutil.copytree(there, home / "runs" / name)
    assert (words(), listed().stderr) == (["sound"], "")
    shutil.rmtree(home)
    scores = [[0.1, 0.8, 0.1], *whole_records.SCORES[1:]]  # by equal weights
    wrong = whole_records.write(tmp_path / "other" / "runs", scores=scores)
    repro("export", tmp_path / "a.tar.gz", "--home", tmp_path / "other")
    done = repro("import", tmp_path / "a.tar.gz", "--home", home)
    assert (done.exit_code, f"conflict: {name}" in done.stderr) == (3, True)
    shutil.copytree(wrong, home / "runs" / name)
    assert words() == ["sound", "damaged"]
    done = repro("check", "--home", home)
    assert done.exit_code == 1
    assert f"{there} is another result of this run" in done.stdout
    assert "1 record is damaged and left out" in listed().stderr


def test_prune_deletes_only_with_yes(tmp_path: Path) -> None:
    aside = whole_records.fail(tmp_path / "runs", aside=1)
    kept = whole_records.write(tmp_path / "runs")
    said = repro("prune", "--home", tmp_path)
    assert str(aside) in said.stdout
    assert str(kept) not in said.stdout.split()
    assert "to delete with --yes" in said.stderr
    assert aside.is_dir()
    said = repro("prune", "--yes", "--home", tmp_path)
    assert "deleted" in said.stderr
    assert not aside.exists()
    assert (kept / "run.json").is_file()
