"""Ledgers are moved and joined by one archive: all of it checked, nothing replaced."""

import io
import json
import os
import shutil
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro import places
from repro.errors import UserError
from repro.records import locks, seal, writing
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.upkeep import merge
from tests import disks, fake_ledger, whole_records


def files(runs: Path) -> dict[str, bytes]:
    """Return every file of the records in a ledger, by its path."""
    return {
        str(path.relative_to(runs)): path.read_bytes()
        for path in runs.rglob("*")
        if path.is_file() and not path.relative_to(runs).parts[0].startswith(".")
    }


def moved(runs: Path, file: Path, to: Path) -> merge.Merged:
    """Export a ledger and import it elsewhere."""
    merge.export(Ledger([runs]).all(), file)
    return merge.take(file, to)


@pytest.fixture
def runs(tmp_path):
    """A ledger of two results."""
    folder = tmp_path / "a"
    whole_records.write(folder)
    whole_records.write(folder, whole_records.run(seed=1))
    return folder


@pytest.fixture
def file(runs, tmp_path):
    """Its archive."""
    merge.export(Ledger([runs]).all(), tmp_path / "a.tar.gz")
    return tmp_path / "a.tar.gz"


def test_export_then_import_into_an_empty_home_equals_and_twice_is_nothing(runs, file, tmp_path):
    first = merge.take(file, tmp_path / "b")
    assert (len(first.added), first.equal, first.conflicts) == (2, [], [])
    assert files(tmp_path / "b") == files(runs)
    again = merge.take(file, tmp_path / "b")
    assert (again.added, again.equal) == ([], first.added)
    assert files(tmp_path / "b") == files(runs)
    assert [p.name for p in (tmp_path / "b" / ".work").iterdir()] == [locks.GUARD]


def test_the_same_records_give_the_same_bytes_whenever_they_are_written(
    runs, file, tmp_path, monkeypatch
):
    monkeypatch.setattr(time, "time", lambda: 1e9)
    for path in runs.rglob("*"):
        os.utime(path, (10**9, 10**9))
    shuffled = sorted(Ledger([runs]).all(), key=lambda r: r.run, reverse=True)
    merge.export(shuffled, tmp_path / "again.tar.gz")
    assert (tmp_path / "again.tar.gz").read_bytes() == file.read_bytes()


SEEDS = st.sets(st.integers(0, 2))


@settings(max_examples=15, deadline=None)
@given(only_a=SEEDS, only_b=SEEDS)
def test_merging_a_into_b_equals_b_into_a(only_a, only_b, tmp_path_factory):
    folder = tmp_path_factory.mktemp("merge")
    for name, seeds in (("a", only_a), ("b", only_b)):
        (folder / name).mkdir()
        for seed in seeds:
            whole_records.write(folder / name, whole_records.run(seed=seed))
    for name, other in (("a", "b"), ("b", "a")):
        shutil.copytree(folder / name, folder / f"{other} into {name}")
        moved(folder / other, folder / f"{other}.tar.gz", folder / f"{other} into {name}")
    assert files(folder / "a into b") == files(folder / "b into a")
    assert len(list(Ledger([folder / "a into b"]).all())) == len(only_a | only_b)


def test_a_conflict_is_named_nothing_is_replaced_and_the_rest_is_taken(runs, file, tmp_path):
    there = whole_records.write(tmp_path / "b", weights=("a", "b", "c", "d", "e", "other"))
    before = files(tmp_path / "b")
    merged = merge.take(file, tmp_path / "b")
    assert merged.conflicts == [f"{there.parent.name}/{there.name}"]
    assert len(merged.added) == 1
    assert before.items() < files(tmp_path / "b").items()


def test_the_same_bits_trained_twice_are_no_conflict(file, tmp_path):
    there = whole_records.write(tmp_path / "b", finished="2032-02-02T00:00:00+00:00", seconds=7.0)
    merged = merge.take(file, tmp_path / "b")
    assert merged.agreeing == [f"{there.parent.name}/{there.name}"]
    assert json.loads((there / "run.json").read_text())["seconds"] == 7.0


@pytest.fixture
def ships(runs, monkeypatch):
    """The two results ship with the suite."""
    shipped = places.shipped
    monkeypatch.setattr(places, "shipped", lambda f: runs if f == "results" else shipped(f))
    return runs


def test_what_ships_is_there_already(ships, file, tmp_path):
    merged = merge.take(file, tmp_path / "b")
    assert (merged.added, len(merged.equal)) == ([], 2)
    assert files(tmp_path / "b") == {}


def test_what_contradicts_a_shipped_record_is_a_conflict(ships, tmp_path):
    """The same weights, so that the decisions alone tell it."""
    wrong = whole_records.write(
        tmp_path / "a2", scores=[[0.1, 0.8, 0.1], *whole_records.SCORES[1:]]
    )
    name = f"{wrong.parent.name}/{wrong.name}"
    assert moved(tmp_path / "a2", tmp_path / "a2.tar.gz", tmp_path / "b").conflicts == [name]
    assert files(tmp_path / "b") == {}


def test_what_hides_that_shipped_audio_is_a_copy_is_a_conflict(tmp_path):
    """A committed record of UrbanSound8K: 479 of 2,985 clips were cut, and 2,598 were heard."""
    ships = [r for r in Ledger([places.shipped("results")]).all() if r.dataset == "urbansound8k"]
    record = next(r for r in ships if isinstance(r, Training))
    there = tmp_path / "a" / record.name
    shutil.copytree(record.path, there)
    said = json.loads((there / "run.json").read_bytes())
    del said["data"]["urbansound8k"]["derived"]
    fake_ledger.sealed(there, said)
    assert moved(tmp_path / "a", tmp_path / "a.tar.gz", tmp_path / "b").conflicts == [record.name]
    assert files(tmp_path / "b") == {}


def test_a_shipped_record_is_taken_for_the_weights_that_it_has_not(ships, tmp_path):
    kept = whole_records.write(tmp_path / "a2", kept=b"weights") / seal.WEIGHTS
    merge.export(Ledger([tmp_path / "a2"]).all(), tmp_path / "a2.tar.gz", weights=True)
    for added in (1, 0):
        merged = merge.take(tmp_path / "a2.tar.gz", tmp_path / "b")
        assert (len(merged.added), len(merged.equal)) == (added, 1 - added)
    assert (tmp_path / "b" / kept.relative_to(tmp_path / "a2")).is_file()
    (tmp_path / "b" / kept.relative_to(tmp_path / "a2")).unlink()
    without = files(tmp_path / "b")  # what is there is never replaced
    assert len(merge.take(tmp_path / "a2.tar.gz", tmp_path / "b").equal) == 1
    assert files(tmp_path / "b") == without


def test_two_executions_of_a_run_live_side_by_side(file, tmp_path):
    there = whole_records.write(tmp_path / "b", threads=1)
    assert len(merge.take(file, tmp_path / "b").added) == 2
    assert len(Ledger([tmp_path / "b"]).records(there.parent.name)) == 2


def test_failed_records_stay_and_one_in_the_way_steps_aside(runs, file, tmp_path):
    whole_records.fail(runs, whole_records.run("asm"))
    merge.export(Ledger([runs]).all(), tmp_path / "again.tar.gz")
    assert (tmp_path / "again.tar.gz").read_bytes() == file.read_bytes()
    there = whole_records.fail(tmp_path / "b")
    assert len(merge.take(file, tmp_path / "b").added) == 2
    assert Ledger([tmp_path / "b"]).result(there.parent.name).path == there
    assert there.with_name(f"{there.name}.failed-1").is_dir()


def test_a_run_that_is_being_trained_is_left_to_its_process(file, tmp_path):
    run = whole_records.run().id
    with writing.work(tmp_path / "b", run, "ffffff"):
        merged = merge.take(file, tmp_path / "b")
        assert [name.partition("/")[0] for name in merged.busy] == [run]
        assert Ledger([tmp_path / "b"]).result(run) is None
    assert len(merge.take(file, tmp_path / "b").added) == 1


def test_kept_weights_travel_only_if_asked_for(runs, tmp_path):
    kept = whole_records.write(runs, whole_records.run(seed=2), kept=b"weights") / seal.WEIGHTS
    for weights in (False, True):
        file = tmp_path / f"{weights}.tar.gz"
        merge.export(Ledger([runs]).all(), file, weights)
        merge.take(file, tmp_path / str(weights))
        assert (tmp_path / str(weights) / kept.relative_to(runs)).is_file() == weights


def repacked(file: Path, change) -> None:
    """Write an archive anew, its members changed: {name: content}."""
    with tarfile.open(file) as tar:
        members = {m.name: tar.extractfile(m).read() for m in tar}
    change(members)
    with tarfile.open(file, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def of(members, last):
    return next(name for name in members if name.endswith(last))


def changed_content(members):
    members[of(members, "epochs.jsonl")] += b"\n"


def extra_file(members):
    members[f"{'0' * 12}/aaaaaa/run.json"] = b"{}"


def lost_file(members):
    del members[of(members, "predictions.npz")]


def no_index(members):
    del members[merge.INDEX]


def broken_index(members):
    members[merge.INDEX] = b"[1, 2"


def later_format(members):
    members[merge.INDEX] = json.dumps({"format": 99, "records": {}}).encode()


def relisted(members, name, content):
    """Change a file and its hash in the index, as somebody might who means it."""
    import hashlib

    index = json.loads(members[merge.INDEX])
    folder, _, last = name.rpartition("/")
    index["records"].setdefault(folder, {})[last] = hashlib.sha256(content).hexdigest()
    members[name], members[merge.INDEX] = content, json.dumps(index).encode()


def other_resolved_run(members):
    name = of(members, "run.json")
    record = json.loads(members[name])
    record["resolved"]["seed"] = 77
    relisted(members, name, json.dumps(record).encode())


def failed_record(members):
    name = of(members, "run.json")
    record = {**json.loads(members[name]), "status": "failed", "cause": "none"}
    relisted(members, name, json.dumps(record).encode())


def odd_file(members):
    relisted(members, f"{of(members, 'run.json').rpartition('/')[0]}/code.py", b"print()")


def no_record(members):
    relisted(members, f"{'0' * 12}/aaaaaa/log.txt", b"log")


def nothing_of_a_record(members):
    index = json.loads(members[merge.INDEX])
    index["records"][f"{'0' * 12}/aaaaaa"] = {}
    members[merge.INDEX] = json.dumps(index).encode()


def odd_name(members):
    relisted(members, ".work/aaaaaa/run.json", b"{}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed_content, "another SHA-256"),
        (extra_file, "not in its index"),
        (lost_file, "is missing"),
        (no_index, "no export of a ledger"),
        (broken_index, "index cannot be read"),
        (later_format, "format 99"),
        (other_resolved_run, "its resolved run has the id"),
        (failed_record, "run.json has been changed"),
        (odd_file, "no file of a record"),
        (no_record, "run.json is missing"),
        (nothing_of_a_record, "is damaged, nothing was imported: 000000000000/aaaaaa: run.json is"),
        (odd_name, "names no run"),
    ],
)
def test_a_foreign_or_damaged_archive_is_refused_whole(change, said, file, tmp_path):
    repacked(file, change)
    with pytest.raises(UserError, match=said) as caught:
        merge.take(file, tmp_path / "b")
    assert str(file) in caught.value.message
    assert "repro" in caught.value.next_step
    assert files(tmp_path / "b") == {}
    assert not (tmp_path / "b" / ".work" / "import").exists()


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_an_archive_that_was_cut_off_is_refused(keep, file, tmp_path):
    file.write_bytes(file.read_bytes()[: int(keep * file.stat().st_size)])
    with pytest.raises(UserError, match="damaged archive"):
        merge.take(file, tmp_path / "b")
    assert files(tmp_path / "b") == {}


def test_a_member_that_climbs_out_is_refused(file, tmp_path):
    repacked(file, lambda members: members.update({"../evil": b"x"}))
    with pytest.raises(UserError, match="leaves the folder"):
        merge.take(file, tmp_path / "b")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("index", [False, True])
def test_an_archive_of_many_files_that_are_not_in_its_index_is_refused_at_the_first(
    index, file, tmp_path, monkeypatch
):
    """200,000 empty ones took minutes to unpack before anything was asked."""
    written = []
    real = merge.unpack._write
    monkeypatch.setattr(merge.unpack, "_write", lambda *a: written.append(a) or real(*a))

    def fill(members):
        listed = members.pop(merge.INDEX)
        content = dict(members)
        members.clear()
        members |= {merge.INDEX: listed} if index else {}
        members |= {f"{n:012x}/aaaaaa/run.json": b"" for n in range(500)} | content

    repacked(file, fill)
    with pytest.raises(UserError, match="is not in its index" if index else "no export"):
        merge.take(file, tmp_path / "b")
    assert len(written) == index  # the index itself
    assert files(tmp_path / "b") == {}


def test_an_archive_that_swells_is_refused(file, tmp_path):
    repacked(file, lambda members: relisted(members, of(members, "log.txt"), bytes(30_000_000)))
    with pytest.raises(UserError, match="come out"):
        merge.take(file, tmp_path / "b")


def test_an_import_that_is_interrupted_leaves_whole_records_and_can_be_repeated(
    runs, file, tmp_path, monkeypatch
):
    adopt, added = writing.adopt, []

    def interrupted(*args):
        if added:
            raise KeyboardInterrupt
        added.append(adopt(*args))

    monkeypatch.setattr(writing, "adopt", interrupted)
    with pytest.raises(KeyboardInterrupt):
        merge.take(file, tmp_path / "b")
    assert files(tmp_path / "b").items() < files(runs).items()
    assert len(list(Ledger([tmp_path / "b"]).all())) == 1
    monkeypatch.undo()
    assert len(merge.take(file, tmp_path / "b").added) == 1
    assert files(tmp_path / "b") == files(runs)


def test_what_a_killed_import_left_is_no_obstacle(runs, file, tmp_path):
    left = tmp_path / "b" / ".work" / "import" / "half"
    left.mkdir(parents=True)
    merge.take(file, tmp_path / "b")
    assert files(tmp_path / "b") == files(runs)
    assert not left.exists()


def test_one_import_at_a_time(file, tmp_path):
    (tmp_path / "b" / ".work").mkdir(parents=True)
    with (
        locks.held(tmp_path / "b" / ".work" / "import.lock"),
        pytest.raises(UserError, match="another import"),
    ):
        merge.take(file, tmp_path / "b")


def test_a_full_disk_leaves_no_half_archive_and_no_half_record(runs, file, tmp_path):
    for record in Ledger([runs]).all():
        (record.path / "log.txt").write_bytes(os.urandom(400_000))
        fake_ledger.sealed(record.path, record.content())
    big = tmp_path / "big.tar.gz"
    merge.export(Ledger([runs]).all(), big)
    with disks.small(tmp_path / "disk", "600k") as disk:
        with pytest.raises(OSError, match="No space left"):
            merge.export(Ledger([runs]).all(), disk / "out.tar.gz")
        assert list(disk.iterdir()) == []
        with pytest.raises(UserError, match="No space left"):
            merge.take(big, disk / "runs")
        assert files(disk / "runs") == {}
        assert merge.take(file, disk / "runs").added  # small records fit


def test_an_archive_that_is_not_there_is_named(tmp_path):
    for file, said in ((tmp_path / "none.tar.gz", "does not exist"), (tmp_path, "is not a file")):
        with pytest.raises(UserError, match=said):
            merge.take(file, tmp_path / "home")
    assert not (tmp_path / "home").exists()
