"""Damaged and altered records: each is found and left out of every number; no traceback."""

import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from repro import identity, places
from repro.commands._entry import main
from repro.errors import UserError
from repro.records import seal
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.upkeep import merge
from tests import fake_ledger, whole_records


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole record with kept weights, to copy."""
    return whole_records.write(tmp_path_factory.mktemp("whole"), kept=b"weights")


@pytest.fixture
def folder(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it in a home of its own; nothing ships."""
    empty, shipped = tmp_path / "none", places.shipped
    monkeypatch.setattr(places, "shipped", lambda f: empty if f == "results" else shipped(f))
    target = tmp_path / "home" / "runs" / whole.parent.name / whole.name
    shutil.copytree(whole, target)
    return target


def said(key: str, value: Any) -> Any:
    """Change a key of run.json ("metrics.test.auc"), under a seal that fits."""

    def change(folder: Path) -> None:
        record = json.loads((folder / "run.json").read_bytes())
        *above, last = key.split(".")
        here = record
        for part in above:
            here = here[part]
        if value is KeyError:
            del here[last]
        else:
            here[last] = value(here[last]) if callable(value) else value
        fake_ledger.sealed(folder, record)

    return change


def raw(content: bytes) -> Any:
    """Put something else in the place of run.json, under a seal that fits."""

    def change(folder: Path) -> None:
        (folder / "run.json").write_bytes(content)
        (folder / seal.SEAL).write_text(seal.text(folder, content))

    return change


def unsealed(name: str, change: Any) -> Any:
    """Change a file and leave the seal as it is."""

    def changed(folder: Path) -> None:
        path = folder / name
        content = change(path.read_bytes())
        path.write_bytes(content)

    return changed


def flipped(content: bytes) -> bytes:
    """Flip one bit."""
    return content[:99] + bytes([content[99] ^ 1]) + content[100:]


def gone(name: str) -> Any:
    return lambda folder: (folder / name).unlink()


def rows(change: Any) -> Any:
    """Change the rows of epochs.jsonl, under a seal that fits."""

    def changed(folder: Path) -> None:
        path = folder / "epochs.jsonl"
        found = [json.loads(line) for line in path.read_text().splitlines()]
        found = change(found)
        path.write_text("".join(json.dumps(row) + "\n" for row in found))
        fake_ledger.sealed(folder, json.loads((folder / "run.json").read_bytes()))

    return changed


def resealed(name: str, change: Any) -> Any:
    """Change a file, and make the seal anew."""

    def changed(folder: Path) -> None:
        unsealed(name, change)(folder)
        fake_ledger.sealed(folder, json.loads((folder / "run.json").read_bytes()))

    return changed


def row(number: int, **values: Any) -> Any:
    return rows(lambda found: [*found[:number], {**found[number], **values}, *found[number + 1 :]])


def put(name: str, value: Any) -> Any:
    return fake_ledger.arrays(lambda found: found.update({name: value(found[name])}))


def other_folder(folder: Path) -> None:
    shutil.move(folder.parent, folder.parent.with_name("0" * 12))


def other_name(folder: Path) -> None:
    folder.rename(folder.with_name("0" * 6))


def odd_name(folder: Path) -> None:
    folder.rename(folder.with_name(f"{folder.name} (copy)"))


def no_text(folder: Path) -> None:
    folder.parent.rename(folder.parent.with_name(os.fsdecode(b"\xff\xfe")))


def instead(name: str, make: Any) -> Any:
    """Put something that is no file in the place of one: reading it would have no end."""

    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return change


def among_failures(folder: Path) -> None:
    folder.rename(folder.with_name(f"{folder.name}.failed-1"))


def pickled(folder: Path) -> None:
    with np.load(folder / "predictions.npz") as stored:
        found = dict(stored)
    found["test_ids"] = np.array([{"a": 1}] * 3, dtype=object)
    np.savez(folder / "predictions.npz", **found)
    fake_ledger.sealed(folder, json.loads((folder / "run.json").read_bytes()))


def cut_predictions(folder: Path) -> None:
    path = folder / "predictions.npz"
    path.write_bytes(path.read_bytes()[:-40])
    fake_ledger.sealed(folder, json.loads((folder / "run.json").read_bytes()))


def no_predictions(folder: Path) -> None:
    (folder / "predictions.npz").unlink()
    fake_ledger.sealed(folder, json.loads((folder / "run.json").read_bytes()))


def earlier_without(name: str) -> Any:
    """Take away a file of a record from before there were seals."""

    def change(folder: Path) -> None:
        said("schema", 1)(folder)
        (folder / seal.SEAL).unlink()
        (folder / name).unlink()

    return change


CUT = {"by": "repro data trim", "clips": 2, "cut": 1, "rates": [8000]}
READ = {
    "accuracy edited": unsealed("run.json", lambda b: b.replace(b"racy\": 0.6", b"racy\": 0.9")),
    "a byte of the log": unsealed("log.txt", lambda b: b + b" "),
    "a byte of the epochs": unsealed("epochs.jsonl", lambda b: b.replace(b"0.1", b"0.2", 1)),
    "a bit of the predictions": unsealed("predictions.npz", flipped),
    "predictions cut off": unsealed("predictions.npz", lambda b: b[:-40]),
    "predictions empty": unsealed("predictions.npz", lambda _: b""),
    "predictions gone": gone("predictions.npz"),
    "epochs gone": gone("epochs.jsonl"),
    "log gone": gone("log.txt"),
    "run.json gone": gone("run.json"),
    "seal gone": gone("SHA256SUMS"),
    "seal empty": unsealed("SHA256SUMS", lambda _: b""),
    "seal garbage": unsealed("SHA256SUMS", lambda _: b"\xff\x00garbage"),
    "seal names run.json no more": unsealed("SHA256SUMS", lambda b: b.splitlines(True)[0]),
    "seal twice": unsealed("SHA256SUMS", lambda b: b + b),
    "empty": raw(b""),
    "cut off": raw(b'{"kind": "train", "run"'),
    "a list": raw(b"[]"),
    "null": raw(b"null"),
    "a number": raw(b"7"),
    "no text": raw(b"\xff\xfe"),
    "nested": raw(b"[" * 100_000),
    "an empty object": raw(b"{}"),
    "another kind": said("kind", "trained"),
    "no kind": said("kind", KeyError),
    "a later schema": said("schema", 99),
    "accuracy above its counts": said("metrics.test.accuracy", 0.9875),
    "accuracy NaN": said("metrics.test.accuracy", float("nan")),
    "accuracy infinite": said("metrics.test.accuracy", float("inf")),
    "accuracy 7": said("metrics.test.accuracy", 7.0),
    "accuracy below 0": said("metrics.test.accuracy", -0.1),
    "accuracy as text": said("metrics.test.accuracy", "0.9"),
    "accuracy null": said("metrics.test.accuracy", None),
    "no accuracy": said("metrics.test.accuracy", KeyError),
    "correct above n": said("metrics.test.correct", 4),
    "correct below 0": said("metrics.test.correct", -1),
    "correct a fraction": said("metrics.test.correct", 1.5),
    "n another": said("metrics.test.n", 4),
    "n null": said("metrics.test.n", None),
    "AUC 2": said("metrics.valid.auc", 2.0),
    "AUC NaN": said("metrics.valid.auc", float("nan")),
    "classes left out that are none": said("metrics.valid.auc_left_out", [99]),
    "classes left out twice": said("metrics.valid.auc_left_out", [1, 1]),
    "no test metrics": said("metrics.test", KeyError),
    "empty test metrics": said("metrics.test", {}),
    "metrics a list": said("metrics", []),
    "metrics of another part": said("metrics", lambda m: {**m, "train": m["test"]}),
    "clips used are others": said("clips_used.test", 4),
    "best epoch 0": said("best_epoch", 0),
    "best epoch beyond": said("best_epoch", 99),
    "best epoch as text": said("best_epoch", "1"),
    "seconds as text": said("seconds", "x"),
    "seconds below 0": said("seconds", -1.0),
    "seconds NaN": said("seconds", float("nan")),
    "no parameters": said("parameters", KeyError),
    "parameters 0": said("parameters", 0),
    "no weights": said("weights", KeyError),
    "no store": said("store", KeyError),
    "audio of no source": said("data", {"esc50": {"name": "x"}}),
    "audio without its hash": said("data", {"esc50": {"source": "hub", "name": "x"}}),
    "audio as text": said("data", {"esc50": "x"}),
    "audio added by nobody": said("data", {"esc50": {"source": "folder", "added": 1}}),
    **{f"audio derived {value}": said("data", {"esc50": {
        "source": "folder", "added": "2030-01-01", "derived": value}})
       for value in ({"by": "x"}, "x", None, [], {**CUT, "rates": []}, {**CUT, "cut": "1"},
                     {**CUT, "apart": -1})},
    "fetched audio derived": said("data", {"esc50": {
        "source": "hub", "name": "x", "sha256": "5", "verified": True, "derived": {"by": "x"}}}),
    "store no digest": said("store", "5"),
    "status unknown": said("status", "done"),
    "status diverged": said("status", "diverged"),
    "status failed": said("status", "failed"),
    "a seed edited": said("resolved.seed", lambda seed: seed + 1),
    "a recipe edited": said("resolved.recipe.epochs", 99),
    "resolved empty": said("resolved", {}),
    "resolved null": said("resolved", None),
    "resolved with NaN": said("resolved.seed", float("nan")),
    "threads edited": said("execution.threads", 64),
    "execution empty": said("execution", {}),
    "clips null": said("clips", None),
    "clips without a protocol": said("clips.protocol", KeyError),
    "clips of another dataset": said("clips.dataset", "esc50"),
    "a fold too many": said("clips.fold", 9),
    "finished is no time": said("finished", "now"),
    "finished without a zone": said("finished", "2026-01-01T00:00:00"),
    "started null": said("started", None),
    "git is no object": said("git", "abc"),
    "run another": said("run", "0" * 12),
    "in another run's folder": other_folder,
    "in another execution's folder": other_name,
    "in a copied folder": odd_name,
    "in a folder whose name is no text": no_text,
    "run.json a pipe": instead("run.json", os.mkfifo),
    "run.json a device": instead("run.json", lambda path: path.symlink_to("/dev/zero")),
    "run.json a folder": instead("run.json", Path.mkdir),
    "run.json a link to itself": instead("run.json", lambda path: path.symlink_to(path)),
    "run.json a link to nothing": instead("run.json", lambda path: path.symlink_to("/gone")),
    "log a pipe": instead("log.txt", os.mkfifo),
    "seal a pipe": instead(seal.SEAL, os.mkfifo),
    "parameters no computer has": said("parameters", 10**400),
    "a seed no computer has": said("resolved.seed", 10**400),
    "accuracy true": said("metrics.test.accuracy", True),
    "learnt from nothing": said("clips_used.train", 0),
    "a profile unknown": said("profile", "fulll"),
    "a system that moves the cursor": said("system", "\x1b[2Jasm"),
    "a system written from right to left": said("system", "asm\u202erh"),
    "a command of two lines": said("asked", "repro table x\nrm"),
    "a device of two lines": said("execution.device_name", "cpu\n100 %"),
    "heard no digest": said("heard", ""),
    "a result among failures": among_failures,
    "a commit that moves the cursor": said("git.commit", "\x1b[2J"),
    "a host that is none": said("host", {"python": "3.11"}),
    "weights of two lines": said("weights", "a\nb"),
    "audio of two lines": said("data", {"esc50": {"source": "folder", "added": "x\ny"}}),
    "seconds of ages": said("seconds", 1e308),
    "finished in year 1": said("finished", "0001-01-01T00:00:00+00:00"),
    "finished in year 9999": said("finished", "9999-12-31T23:59:59+00:00"),
    "finished in a zone, by which none are put in order": said(
        "finished", "2031-01-01T11:00:00+09:00"
    ),
    "finished in other digits": said("finished", "２031-01-01T11:00:00+00:00"),
    "started in a week": said("started", "2031-W01-1T11:00:00+00:00"),
    "clips of other audio": said("clips.audio", "local"),
    "folds in another order": said("clips.only", ["2", "10", "1"]),
    "folds twice": said("clips.only", ["1", "1", "2"]),
    "a protocol unknown": said("clips.protocol", "dreamt"),
    "folds without end": said("clips.folds", 10**18),
    "clips capped below 0": said("clips.caps", {"train": -1}),
    "clips capped in no part": said("clips.caps", {"noon": 5}),
    "valid seven times all clips": said("clips.valid", 7.0),
    "a split seed no computer has": said("clips.split_seed", 10**40),
    "a whole number as a fraction": said("metrics.test.n", 3.0),
    "an accuracy of minus zero": said("metrics.test", {"n": 3, "correct": 0, "accuracy": -0.0}),
    "clips beside clips": said("metrics.test", lambda m: {**m, "by_clip": {**m}}),
    "pieces beside clips": said("metrics.test", lambda m: {**m, "by_piece": {**m}}),
    "a byte order mark": raw(b"\xef\xbb\xbf{}"),
    "a loss NaN": row(1, loss=float("nan")),
    "a row without a loss": rows(lambda found: [{"epoch": 1}, *found[1:]]),
    "rows are lists": rows(lambda found: [[1] for _ in found]),
    "an epoch as a fraction": row(0, epoch=1.0),
    "weights of an epoch move the cursor": row(3, weights="\x1b[2J"),
    "epochs no text": resealed("epochs.jsonl", lambda b: b.replace(b"loss", b"lo\xffs")),
    "epochs with empty lines": resealed("epochs.jsonl", lambda b: b.replace(b"\n", b"\n\n")),
    "epochs nested": resealed("epochs.jsonl", lambda b: b"[" * 100_000 + b"\n" + b),
    "of before seals, without predictions": earlier_without("predictions.npz"),
    "of before seals, without epochs": earlier_without("epochs.jsonl"),
}  # fmt: skip

INSIDE = {
    "weights changed": unsealed("weights.pt", lambda b: b + b"x"),
    "an epoch missing": rows(lambda found: found[:-1]),
    "an epoch twice": rows(lambda found: [*found, found[-1]]),
    "epochs in another order": rows(lambda found: found[::-1]),
    "a loss null": row(1, loss=None),
    "the last loss null": row(5, loss=None),
    "an accuracy above its counts": row(5, valid={"n": 3, "correct": 1, "accuracy": 0.5}),
    "more clips in an epoch": row(5, valid={"n": 4, "correct": 1, "accuracy": 0.25}),
    "another epoch was best": row(3, valid={"n": 3, "correct": 3, "accuracy": 1.0}),
    "other weights at the best": row(0, weights="z"),
    "other metrics at the best": rows(
        lambda found: [{**r, "valid": {**r["valid"], "auc": 0.123}} for r in found]
    ),
    "predictions are not there": no_predictions,
    "predictions cut off under a seal": cut_predictions,
    "predictions pickled": pickled,
    "scores NaN": put("test_scores", lambda a: a * np.nan),
    "scores turned": put("test_scores", lambda a: a.T),
    "scores of fewer classes": put("test_scores", lambda a: a[:, :-1]),
    "scores whole numbers": put("test_scores", lambda a: a.astype(int)),
    "scores flipped": put("test_scores", lambda a: a[:, ::-1]),
    "scores of fewer clips": put("test_scores", lambda a: a[:-1]),
    "labels other": put("test_labels", lambda a: (a + 1) % 3),
    "labels beyond": put("test_labels", lambda a: a + 99),
    "labels below 0": put("test_labels", lambda a: a - 5),
    "labels fractions": put("test_labels", lambda a: a + 0.5),
    "ids twice": put("valid_ids", lambda a: a[[0, 0, 1]]),
    "ids numbers": put("valid_ids", lambda a: np.arange(3)),
    "ids no text": put("test_ids", lambda a: np.array([b"\xff\xfe", b"b", b"c"])),
    "ids that move the cursor": put("test_ids", lambda a: np.array([b"\x1b[2J", b"b", b"c"])),
    "ids of two lines": put("test_ids", lambda a: np.array([b"a\nb", b"b", b"c"])),
    "ids fewer": put("valid_ids", lambda a: a[:-1]),
    "an array missing": fake_ledger.arrays(lambda found: found.pop("test_labels")),
    "an array more": fake_ledger.arrays(lambda found: found.update(train_scores=np.zeros(3))),
}  # fmt: skip


def repro(*words: object) -> Any:
    done = CliRunner().invoke(main, list(map(str, words)), prog_name="repro")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.output
    return done


def test_the_record_itself_is_sound(folder: Path) -> None:
    home = folder.parents[2]
    done = repro("runs", "check", "--home", home, "--format", "json")
    assert [row["word"] for row in json.loads(done.stdout)] == ["sound"], done.output
    assert done.exit_code == 0
    assert len(json.loads(repro("runs", "list", "--home", home, "--format", "json").stdout)) == 1


@pytest.mark.parametrize("name", [*READ, *INSIDE])
def test_each_is_found_left_out_and_refused_by_import(name: str, folder: Path) -> None:
    home, run = folder.parents[2], folder.parent.name
    {**READ, **INSIDE}[name](folder)
    if name in READ:  # at once, by every reader
        assert list(Ledger([home / "runs"]).all()) == []
    checked = repro("runs", "check", "--home", home, "--format", "json")
    (row,) = json.loads(checked.stdout)
    assert row["word"] in ("damaged", "aside")
    assert row["findings"]
    assert all(finding.isprintable() for finding in row["findings"])
    assert checked.exit_code == (1 if row["word"] == "damaged" else 0)
    listed = repro("runs", "list", "--home", home, "--format", "json")
    assert json.loads(listed.stdout) == []
    if row["word"] == "damaged":
        assert f"is damaged and left out: repro runs check --home {home}\n" in listed.stderr
    kept = Ledger([home / "runs"], home / "cache")
    assert kept.result(run) is None
    assert_refused(Path(row["path"]), home.parent)


MISPLACED = {
    "one folder too deep": lambda folder: folder / folder.name,
    "a ledger in a ledger": lambda folder: folder.parents[1] / "runs" / folder.parent.name / "x",
    "in no folder of an execution": lambda folder: folder.parent,
}


@pytest.mark.parametrize("name", MISPLACED)
def test_a_record_that_was_copied_to_where_none_is_looked_for_is_named(
    name: str, folder: Path
) -> None:
    home = folder.parents[2]
    aside = folder.rename(home / "aside")
    target = MISPLACED[name](folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target == folder.parent:
        target.rmdir()
    aside.rename(target)
    checked = repro("runs", "check", "--home", home)
    assert checked.exit_code == 1
    assert "lies in no folder" in checked.stdout or "lies one folder deeper" in checked.stdout
    assert json.loads(repro("runs", "list", "--home", home, "--format", "json").stdout) == []


def test_what_an_exception_said_is_read_as_one_line(folder: Path) -> None:
    """Records of earlier versions hold it as it came."""
    said("cause", "RuntimeError: a\n\x1b[31mb\n")(folder)
    said("findings", ["warning: a\nb"])(folder)
    (record,) = Ledger([folder.parents[1]]).all()
    assert isinstance(record, Training)
    assert (record.cause, record.findings) == ("RuntimeError: a [31mb", ("warning: a b",))


FORGED = {
    "an optimiser without a name": ("recipe", {"optimizer": {"lr": 0.1}}),
    "a part of the batch as text": ("recipe", {"micro_batch": "x"}),
    "a model whose name no disk takes": ("model", {"name": "x" * 400}),
    "a model without a name": ("model", {"name": ""}),
    "a model outside its folder": ("model", {"name": "../../x"}),
    "a front end of two lines": ("frontend", {"name": "fbank\nx"}),
    "it starts from no run": ("init", [{"kind": "run", "name": "x"}]),
    "it starts from a path": ("init", [{"kind": "run", "name": "x", "run": "../.."}]),
    "it starts from something else": ("init", [{"kind": "dream", "name": "x"}]),
    "its teacher is a path": ("teacher", "../x"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_run_that_cannot_be_is_left_out_and_refused(name: str, folder: Path) -> None:
    """Under the ids that follow from what it says, and under a seal that fits."""
    runs, (part, value) = folder.parents[1], FORGED[name]
    shutil.rmtree(folder.parent)
    resolved = dict(whole_records.run().resolved)
    resolved[part] = {**resolved[part], **value} if isinstance(value, dict) else value
    place = whole_records.write(runs, resolved=resolved)
    for words in (["check"], ["list"], ["stale"], ["show", place.parent.name]):
        repro("runs", *words, "--home", runs.parent)
    assert list(Ledger([runs]).all()) == []
    assert_refused(place, runs.parent.parent)


@pytest.mark.parametrize("told", [{}, {"compile": "no"}, {"compile": True, "compiler": 7}])
def test_an_execution_that_does_not_say_what_tables_tell_of_it_is_refused(
    told: dict[str, Any], folder: Path
) -> None:
    runs, record = folder.parents[1], json.loads((folder / "run.json").read_bytes())
    shutil.rmtree(folder.parent)
    execution = {k: v for k, v in record["execution"].items() if k != "compile"} | told
    place = whole_records.write(runs, execution=execution)
    assert list(Ledger([runs]).all()) == []
    assert_refused(place, runs.parent.parent)


def assert_refused(place: Path, folder: Path) -> None:
    """Assert that nothing is imported from an archive that holds a damaged record."""
    name = f"{place.parent.name}/{place.name}"
    files = {path.name: path.read_bytes() for path in place.iterdir()
             if path.name in seal.FILES and path.is_file()}  # fmt: skip
    index = {name: {last: seal.digest(place / last) for last in files}}
    content = {merge.INDEX: json.dumps({"format": 1, "records": index}).encode()}
    content |= {f"{name}/{last}": data for last, data in files.items()}
    with tarfile.open(folder / "a.tar.gz", "w:gz") as tar:
        for member, data in content.items():
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with pytest.raises(UserError, match="nothing was imported"):
        merge.take(folder / "a.tar.gz", folder / "other")
    assert list((folder / "other").glob("[!.]*")) == []


MEASURED = {
    "made-up metrics": {"metrics": {"test": {"accuracy": 0.9999, "correct": 1, "n": 1}},
                        "measured": {}},
    "no parameters": {"measured": {"layers": {}}},
    "parameters 0": {"measured": {"parameters": 0}},
    "parameters as text": {"measured": {"parameters": "12"}},
    "time NaN": {"measured": {"latency": {"5s": [float("nan")]}}},
    "time below 0": {"measured": {"latency": {"5s": [-1.0]}}},
    "no start": {"measured": {"latency": {"5s": []}}},
    "no system": {"systems": []},
    "failed": {"status": "failed"},
    "a layer larger than the network": {"measured": {
        "parameters": 5, "table": [{"layer": "a", "kind": "b", "shape": [1], "parameters": 6,
                                    "multiply_adds": 1}]}},
    "of a run that is trained": {"resolved": dict(whole_records.run().resolved)},
}  # fmt: skip


@pytest.mark.parametrize("name", MEASURED)
def test_a_measurement_that_cannot_be_is_left_out_and_refused(name: str, tmp_path: Path) -> None:
    """Under the id of what it says it is about, and under a seal that fits."""
    network = {"kind": "measure", "model": {"name": "asm", "args": {}, "version": 1},
               "frontend": {"name": "fbank"}, "dataset": "esc50"}  # fmt: skip
    place = fake_ledger.measure(tmp_path / "runs", network, "cpu (made up)", {"parameters": 12})
    assert len(list(Ledger([tmp_path / "runs"]).all())) == 1
    record = {**json.loads((place / "run.json").read_bytes()), **MEASURED[name]}
    record["run"] = identity.run_id(record["resolved"])
    target = place.parent.with_name(record["run"]) / place.name
    target.mkdir(parents=True, exist_ok=True)
    fake_ledger.sealed(target, record)
    if target != place:
        shutil.rmtree(place.parent)
    assert list(Ledger([tmp_path / "runs"]).all()) == []
    assert_refused(target, tmp_path)


def test_a_damaged_record_of_a_table_is_counted_under_it(tmp_path: Path) -> None:
    """And its cell says NOT RUN, in every format."""
    home = tmp_path / "home"
    run = whole_records.run(profile="demo")
    folder = whole_records.write(home / "runs", run)
    words = ["table", whole_records.TABLE, "--profile", "demo", "--render-only", "--home", home]
    sound = repro(*words, "--format", "json").stdout
    assert "66.67" in repro(*words).stdout
    said("metrics.test.accuracy", 0.9)(folder)
    made = repro(*words)
    assert "1 record is damaged and left out." in made.stdout  # a table names no home
    assert f"1 record is damaged and left out: repro runs check --home {home}\n" in made.stderr
    assert "66.67" not in made.stdout
    assert "90.0" not in made.stdout
    for fmt in ("latex", "csv", "json"):
        told = repro(*words, "--format", fmt)
        assert "damaged and left out" in told.output
    assert (
        json.loads(sound)["cells"] != json.loads(repro(*words, "--format", "json").stdout)["cells"]
    )
