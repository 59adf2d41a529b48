"""`repro show`: everything that a table resolves to."""

import json
import re

import pytest
from click.testing import CliRunner

from repro.commands._entry import main
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.spec import catalogue
from tests import tiny

TABLE = "asmrh-speechcommands"


@pytest.fixture
def show(tmp_path):
    """Show a table from an empty home, as data."""

    def show(*words, table=TABLE):
        words = ["show", table, *words, "--home", str(tmp_path), "--format", "json"]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return show


def test_it_shows_what_is_planned(show, tmp_path):
    plan = plan_table(catalogue.load(TABLE), Request(), tiny.home(tmp_path))
    shown = show()
    assert [run["run"] for run in shown["runs"]] == [run.id for run in plan.runs]
    assert set(shown["systems"]) == {"asm", "asm-i", "asm-rh"}
    ours = shown["systems"]["asm-rh"]
    assert ours["recipe"]["epochs"] == 30
    assert ours["frontend"]["args"]["frames"] == 512
    assert shown["systems"]["asm-i"]["missing"] != ours["missing"]
    assert shown["data"]["speech_commands_v2_35"]["train"] == 84_843
    cells = {(cell["row"], cell["column"]): cell for cell in shown["cells"]}
    assert cells["t-acc", "ASM-RH"]["printed"] == "96.51"
    assert len(cells["t-acc", "ASM-RH"]["runs"]) == 3


def test_every_silent_point_comes_with_its_reading_reason_and_alternatives(show):
    points = {point["key"]: point for point in show()["assumptions"]}
    for key in ("frames", "hfft-axis", "hfft-length", "hfft-norm", "alpha-base", "roll-slices",
                "pooling", "batch", "precision", "loss", "freq-mask", "time-mask"):  # fmt: skip
        assert points[key]["why"]
        assert points[key]["alternatives"]
    assert points["frames"]["value"] == 512


def test_a_chosen_reading_is_what_is_shown(show):
    shown = show("--assume", "hfft-axis=time", "--assume", "frames=128")
    points = {point["key"]: point["value"] for point in shown["assumptions"]}
    assert (points["hfft-axis"], points["frames"]) == ("time", 128)
    ours = shown["systems"]["asm-rh"]
    assert ours["model"]["args"]["hfft_axis"] == "time"
    assert ours["frontend"]["args"]["frames"] == 128


def test_the_demo_is_shown_small(show):
    shown = show("--profile", "demo")
    assert shown["profile"] == "demo"
    ours = shown["systems"]["asm-rh"]
    assert ours["model"]["args"]["width"] < 768
    assert shown["data"]["speech_commands_v2_35"]["train"] < 5_000


@pytest.mark.parametrize("table", [entry.id for entry in catalogue.load_all()])
def test_every_table_can_be_shown_as_text(table, tmp_path):
    done = CliRunner().invoke(main, ["show", table, "--home", str(tmp_path)])
    assert done.exit_code == 0, done.output
    entry = catalogue.load(table)
    assert entry.table.caption in done.stdout
    for row in entry.table.row:
        assert re.search(rf"^  rows .*\b{re.escape(row.id)}", done.stdout, re.MULTILINE), row.id
