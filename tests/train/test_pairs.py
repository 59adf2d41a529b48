"""Every distinct pair of system and recipe of the four papers trains."""

import pytest

from repro.records.ledger import Ledger
from repro.spec.index import paper_ids
from repro.train import determinism, runner
from tests import tiny
from tests.train.pairs import planned, weights_here

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with weights_here(tmp_path_factory.mktemp("weights")):
        determinism.set_up(2)
        yield tiny.home(tmp_path_factory.mktemp("pairs"))


def train(run, home):
    status, cause = runner.execute(run.job(), "cpu", 2, home, lambda event: None)
    assert status == "complete", f"{run.system}: {cause}"
    return Ledger([home.runs]).result(run.id)


def test_the_pairs_are_some_thirty_of_every_model(home):
    runs, _ = planned(home)
    assert len(runs) >= 30
    assert {run.resolved["model"]["name"] for run in runs} == {
        "asm", "asmrh", "m3net", "ast_vit", "gafx", "eat", "phinets", "audiontt", "dcls",
        "erann", "envnet_v2", "cnn14", "passt", "htsat", "samplecnn", "esresnet", "seqboat",
        "adaptformer",
    }  # fmt: skip


@pytest.mark.parametrize("paper", paper_ids())
def test_every_pair_trains_for_two_epochs(paper, home):
    runs, parents = planned(home, paper)
    assert all(not run.missing for run in runs), [run.missing for run in runs if run.missing]
    done = {}
    for run in runs:
        for parent in run.parents:
            if parent not in done:
                done[parent] = train(parents[parent], home)
        if run.id not in done:
            done[run.id] = train(run, home)
        record, rows = done[run.id], done[run.id].epochs()
        assert len(rows) == 2
        assert rows[0].weights != rows[1].weights
        assert record.part("test").n in (16, 48)  # 48: pieces of 16 tracks
        taken = record.init
        assert len(taken) == len(run.resolved["init"])
        assert all(entry["taken"] for entry in taken)
