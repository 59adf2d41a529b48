"""A quoted system is trained beside the paper's own, and the printed p-value gets one of ours."""

import json

import pytest
from click.testing import CliRunner
from scipy import stats

from repro.commands._entry import main
from repro.places import Home
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.train import determinism, runner
from tests import tiny

pytestmark = pytest.mark.slow

TABLE, ROW = "m3net-urbansound8k", "PhiNets M40"
ASKED = ("--profile", "demo", "--set", "recipe.epochs=1", "--with-rivals")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home in which both systems are trained for one epoch, five seeds each."""
    home = tiny.home(tmp_path_factory.mktemp("rivals") / "home")
    request = Request("demo", "generated", settings={"recipe.epochs": "1"}, rivals=True)
    plan = plan_table(catalogue.load(TABLE), request, home)
    assert {run.system for run in plan.runs} == {"m3net", "phinets-m40"}
    determinism.set_up(1)
    for run in plan.runs:
        status, cause = runner.execute(run.job(), "cpu", 1, home, lambda event: None)
        assert status == "complete", cause
    return home


def repro(home: Home, *words: str) -> str:
    done = CliRunner().invoke(main, [*words, "--home", str(home.root)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_p_value_is_that_of_the_pairs_in_the_records(home: Home) -> None:
    table = ("table", TABLE, *ASKED, "--render-only")
    made = json.loads(repro(home, *table, "--format", "json"))
    cells = {(cell["row"], cell["column"]): cell for cell in made["cells"]}
    ledger = Ledger.of(home)
    shares: dict[str, list[float]] = {}
    for row in ("phinets-m40", "M3Net"):
        records = [ledger.result(run) for run in cells[row, "accuracy"]["runs"]]
        shares[row] = [r.part("test").correct / r.part("test").n for r in records if r is not None]
    pairs = cells[ROW, "p"]["evidence"]["pairs"]
    wilcoxon = stats.wilcoxon(shares["phinets-m40"], shares["M3Net"], method="exact")
    assert pairs["n"] + pairs["zeros"] == 5
    if not pairs["zeros"] and not pairs["ties"]:
        assert pairs["p"] == pytest.approx(wilcoxon.pvalue)
    assert pairs["least"] == 2 / 2 ** pairs["n"]
    assert (cells[ROW, "p"]["verdict"], cells[ROW, "p"]["printed"]) == ("NO VERDICT", "< 5.0e-2")
    assert cells[ROW, "p"]["text"].startswith("p = ")
    assert (cells[ROW, "accuracy"]["printed"], cells[ROW, "accuracy"]["state"]) == ("76.3", "cited")


def test_every_format_and_verb_shows_it(home: Home) -> None:
    table = ("table", TABLE, *ASKED, "--render-only")
    for fmt in ("md", "latex", "csv"):
        text = repro(home, *table, "--format", fmt)
        assert "PhiNets M40, trained here" in text or fmt == "csv"
        assert "p = " in text
    told = repro(home, "explain", f"{TABLE}/{ROW}/p", *ASKED)
    assert "signed ranks of ours, PhiNets M40, trained here, against M3Net (Ours)" in told
    assert "below .05 takes 8 pairs or more" in told
    assert "10 of  10 runs done" in repro(home, "status", TABLE, *ASKED)
    assert "10 runs: 10 done" in repro(home, "plan", TABLE, *ASKED)
    report = home.root / "report.html"
    repro(home, "report", TABLE, *ASKED, "-o", str(report))
    assert "PhiNets M40, trained here" in report.read_text(encoding="utf-8")
    assert "phinets-m40" not in repro(home, *table[:-2], "--render-only", "--format", "csv")
