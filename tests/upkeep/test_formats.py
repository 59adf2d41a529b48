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
