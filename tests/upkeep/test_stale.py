"""Records that no table asks for, and those that one does in some reading of it."""

import copy

import pytest

from repro import identity, places
from repro.records.ledger import Ledger
from repro.upkeep import stale
from tests import fake_ledger, whole_records

ASMRH = identity.version_of("models/asmrh")


def reasons(folder):
    """Return why each record in a ledger is stale, by its run."""
    home = fake_ledger.home(folder.parent)
    return {r.run: why for r, why in stale.stale(Ledger([folder]).all(), home)}


def changed(path, to):
    """Return the resolved run of a table's run with one field changed."""
    resolved = copy.deepcopy(whole_records.run().resolved)
    *parents, last = path.split(".")
    here = resolved
    for part in parents:
        here = here[part]
    here[last] = to
    return resolved


@pytest.mark.parametrize("profile", ["demo", "full"])
def test_what_a_table_asks_for_is_not_stale(profile, tmp_path):
    whole_records.write(tmp_path / "runs", whole_records.run(profile=profile))
    whole_records.write(tmp_path / "runs", whole_records.run(profile=profile), threads=1)
    assert reasons(tmp_path / "runs") == {}


@pytest.mark.parametrize(
    ("path", "to", "said"),
    [
        ("model.version", 99, f"repro/models/asmrh.py had version 99, here it has {ASMRH}"),
        ("frontend.version", 99, "repro/frontends/fbank.py had version 99"),
        ("augment_version", 99, "repro/augment/spectrogram.py had version 99"),
        ("loop_version", 99, "repro/train/loop.py had version 99"),
        ("audio", "generated@99", "repro/data/generated.py had version 99"),
        ("model.name", "gone", f"repro/models/gone.py had version {ASMRH}, here it is not there"),
        ("seed", 77, "asmrh-speechcommands now has seed "),
        ("recipe.epochs", 77, "recipe.epochs 12 (here 77)"),
    ],
)
def test_the_reason_is_named(path, to, said, tmp_path):
    folder = whole_records.write(tmp_path / "runs", resolved=changed(path, to))
    found = reasons(tmp_path / "runs")
    assert list(found) == [folder.parent.name]
    assert said in found[folder.parent.name]


def test_a_system_that_no_table_trains_is_named(tmp_path):
    whole_records.write(tmp_path / "runs", resolved=changed("seed", 77), system="asm-gone")
    assert list(reasons(tmp_path / "runs").values()) == ["no table trains asm-gone"]


def test_a_measurement_is_stale_once_its_model_has_another_version(tmp_path):
    """The measurements that ship with the suite are asked for; one of an older model is not."""
    shipped = [r for r in Ledger([places.shipped("results")]).all() if r.kind == "measure"]
    if not shipped:
        pytest.skip("no measurements ship with this checkout yet")
    home = fake_ledger.home(tmp_path)
    assert list(stale.stale(shipped, home)) == []
    older = copy.deepcopy(shipped[0].resolved)
    older["model"]["version"] = 99
    fake_ledger.measure(tmp_path / "runs", older, "none", {"parameters": 1000})
    (why,) = reasons(tmp_path / "runs").values()
    assert "had version 99" in why


def test_no_committed_training_is_stale_for_a_reason_that_is_not_so(tmp_path):
    """All were asked for on the command line, by protocol too; a test elsewhere reads their ids."""
    shipped = [r for r in Ledger([places.shipped("results")]).all() if r.kind == "train"]
    assert {r.clips["protocol"] for r in shipped} == {"official", "random", "grouped"}
    assert list(stale.stale(shipped, fake_ledger.home(tmp_path))) == []
