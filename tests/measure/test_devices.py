"""Records of a device's rates are shown, checked and kept, and do not travel unless named."""

import tarfile

import pytest
from click.testing import CliRunner

from repro import identity
from repro.commands import _entry
from repro.measure import devices
from repro.records.ledger import Ledger
from tests import fake_ledger, tiny

ON = {"device": "cuda", "device_name": "Card"}


def repro(*words):
    done = CliRunner().invoke(_entry.main, list(map(str, words)), prog_name="repro")
    assert done.exit_code == 0, done.output
    return done.stdout


def members(archive):
    with tarfile.open(archive) as opened:
        return {name.partition("/")[0] for name in opened.getnames()}


@pytest.mark.slow
def test_rates_of_a_device_stay_here_unless_they_are_named(tmp_path):
    home = tiny.home(tmp_path / "home")
    run = tiny.run(tiny.tables(tmp_path / "small"))
    fake_ledger.write(home.runs, run, {})
    path = devices.save(home.runs, {"matrix_rate_fp32": 2e13}, ON)
    name = path.parent.name
    assert path.name == identity.execution_id(ON)
    here = ("--home", home.root)
    assert "sound" in repro("runs", "check", name, *here)
    shown = repro("runs", "show", name, *here)
    assert "Card: its rates, by which plans count" in shown
    assert "2e+13" in shown
    assert name not in repro("runs", "stale", *here)
    repro("runs", "export", tmp_path / "all.tar.gz", *here)
    assert members(tmp_path / "all.tar.gz") >= {run.id}
    assert name not in members(tmp_path / "all.tar.gz")
    repro("runs", "export", tmp_path / "one.tar.gz", name, *here)
    assert name in members(tmp_path / "one.tar.gz")
    there = tiny.home(tmp_path / "there")
    repro("runs", "import", tmp_path / "one.tar.gz", "--home", there.root)
    (record,) = Ledger([there.runs]).all()
    assert record.measured.rates == {"matrix_rate_fp32": 2e13}
