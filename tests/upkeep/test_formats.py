"""Results as others read them: an RO-Crate in an archive, event files of TensorBoard."""

import json
import struct
import tarfile

import pytest

from repro import places
from repro.records.ledger import Ledger
from repro.upkeep import crate, merge, tensorboard


@pytest.fixture(scope="module")
def records():
    """Three committed trainings."""
    return [r for r in Ledger([places.shipped("results")]).all() if hasattr(r, "seconds")][:3]


@pytest.fixture(scope="module")
def unpacked(records, tmp_path_factory):
    """Return the folder of an archive that was unpacked."""
    folder = tmp_path_factory.mktemp("crate")
    merge.export(records, folder / "x.tar.gz")
    with tarfile.open(folder / "x.tar.gz") as tar:
        tar.extractall(folder / "out", filter="data")
    return folder / "out"


def test_an_archive_names_every_file_and_how_it_was_made(records, unpacked):
    told = json.loads((unpacked / crate.NAME).read_text())
    by_id = {one["@id"]: one for one in told["@graph"]}
    files = {p.relative_to(unpacked).as_posix() for p in unpacked.rglob("*") if p.is_file()}
    files -= {crate.NAME, merge.INDEX}
    assert {part["@id"] for part in by_id["./"]["hasPart"]} == files
    for record in records:
        action = by_id[f"#{record.name}"]
        assert {one["@id"] for one in action["result"]} == {f for f in files if record.name in f}
        assert action["endTime"] == record.finished > action["startTime"]
    assert by_id["./"]["datePublished"] == max(record.finished for record in records)
    for name in files:
        assert by_id[name]["contentSize"] == str((unpacked / name).stat().st_size)


def test_a_part_and_a_copy_are_no_dataset_of_the_whole():
    """Runs over three folds of a trimmed copy of UrbanSound8K, and others of all of ESC-10."""
    every = Ledger([places.shipped("results")]).all()
    folds = next(r for r in every if r.dataset == "urbansound8k" and r.clips.get("only"))
    whole = next(r for r in every if r.dataset == "esc10" and "only" not in r.clips)
    told = {one["@id"]: one for one in json.loads(crate.metadata([folds, whole], {}))["@graph"]}
    about = told[told[f"#{folds.name}"]["object"]["@id"]]
    assert "#data-urbansound8k" not in told
    assert about["name"] == "urbansound8k"
    assert about["description"].startswith("official folds 1, 2, 10 alone; not the archive's audio")
    assert told[told[f"#{whole.name}"]["object"]["@id"]] == {
        "@id": "#data-esc10", "@type": "Dataset", "name": "esc10"
    }  # fmt: skip


def test_event_files_name_the_folds_that_alone_were_used(tmp_path):
    """Fold 1 of 3 of the folds 1, 2 and 10 is not that of the dataset's ten."""
    every = Ledger([places.shipped("results")]).all()
    folds = next(r for r in every if r.dataset == "urbansound8k" and r.clips.get("only"))
    whole = next(r for r in every if r.dataset == "esc10" and "only" not in r.clips)
    names = sorted(tensorboard.files([folds, whole]))
    assert names[0].startswith(f"{whole.system}-esc10-{whole.clips['protocol']}-fold")
    assert "-urbansound8k-folds1-2-10-" in names[1]


def test_a_reader_of_crates_reads_it(records, unpacked):
    reader = pytest.importorskip("rocrate.rocrate", reason="rocrate is not installed")
    read = reader.ROCrate(unpacked)
    assert read.root_dataset["license"]
    made = read.root_dataset["mentions"]
    assert {one.id for one in made} == {f"#{record.name}" for record in records}
    assert all(one["instrument"].type == "SoftwareApplication" for one in made)
    assert all(file.type == "File" for one in made for file in one["result"])


def test_an_archive_with_its_description_is_imported(records, tmp_path, monkeypatch):
    merge.export(records, tmp_path / "x.tar.gz")
    shipped, none = places.shipped, tmp_path / "none"  # else these would be there already
    monkeypatch.setattr(places, "shipped", lambda f: none if f == "results" else shipped(f))
    assert sorted(merge.take(tmp_path / "x.tar.gz", tmp_path / "runs").added) == sorted(
        record.name for record in records
    )


def test_the_checksum_is_the_published_one():
    """CRC-32C of "123456789" is E3069283; masked: turned right by 15, plus A282EAD8."""
    turned = (0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8 & 0xFFFFFFFF
    assert tensorboard._checked(b"123456789") == struct.pack("<I", turned)
    assert tensorboard._varint(300) == b"\xac\x02"  # the example of the encoding's documentation


def test_what_32_bits_do_not_hold_is_infinite():
    assert tensorboard._float(2, -1e300) == b"\x15" + struct.pack("<f", float("-inf"))


def test_tensorboard_reads_every_number_of_every_epoch(records, tmp_path):
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_file_loader",
        reason="tensorboard is not installed",
    )
    for name, content in tensorboard.files(records).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    folders = sorted(tmp_path.iterdir())
    assert len(folders) == len(records)
    for record in records:
        (file,) = next(f for f in folders if record.run in f.name).iterdir()
        version, *events = reader.LegacyEventFileLoader(str(file)).Load()
        assert version.file_version == "brain.Event:2"
        assert [event.step for event in events] == [epoch.epoch for epoch in record.epochs()]
        assert events[-1].wall_time - version.wall_time == pytest.approx(record.seconds, abs=1e-3)
        for event, epoch in zip(events, record.epochs(), strict=True):
            values = {value.tag: value.simple_value for value in event.summary.value}
            assert values["train/loss"] == pytest.approx(epoch.loss)
            assert values["valid/accuracy"] == pytest.approx(epoch.valid.accuracy)
            assert "test/accuracy" not in values  # looked at once, after training
