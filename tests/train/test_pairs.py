"""Every distinct pair of system and recipe of the four papers, trained for two epochs at demo size.

Weights that would be fetched are made here, with the names that the published files use and the
demo's sizes; the planner is told that they are there.
"""

import dataclasses
import functools
from types import SimpleNamespace

import pytest
import torch
from timm.models.deit import VisionTransformerDistilled

from repro import identity
from repro.models.gafx import SOURCES, DualUNet
from repro.plan import gaps
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.spec import catalogue, lines
from repro.spec.index import paper_ids
from repro.train import determinism, runner
from repro.weights import store
from tests import tiny

pytestmark = pytest.mark.slow

CLIPS = {"train": 16, "valid": 8, "test": 16}
DEIT = {  # by the demo's widths: depth, heads
    "DeiT": (64, 2, 2),
    "AST AudioSet": (64, 2, 2),
    "DeiT-Ti": (48, 2, 3),
    "DeiT-S": (48, 2, 3),
}


def small(recipe):
    """Return a recipe whose demo has two epochs, the second one with mixing, on few clips."""
    if recipe.demo is None:
        return recipe
    changes = dict(recipe.demo.recipe)
    changes |= {"epochs": 2, "batch": 8}
    if "augment" in changes:
        changes["augment"] = {**changes["augment"]}
        if recipe.augment.mixing:
            changes["augment"]["mix_from_epoch"] = 1
    clips = {part: CLIPS[part] for part in recipe.demo.clips}
    demo = recipe.demo.model_copy(update={"recipe": changes, "clips": clips})
    return recipe.model_copy(update={"demo": demo})


def planned(home, paper=None):
    """Return one run of each distinct pair (of a paper), and the runs that they start from."""
    found, parents = {}, {}
    for alone in catalogue.load_all(paper):
        entry = lines.fit(alone, "", (), (), catalogue.load_all, with_rivals=True)
        recipes = {name: small(recipe) for name, recipe in entry.recipes.recipes.items()}
        shrunk = entry.recipes.model_copy(update={"recipes": recipes})
        plan = plan_table(
            dataclasses.replace(entry, recipes=shrunk),
            Request(profile="demo", audio="generated"),
            home,
        )
        parents |= {run.id: run for run in plan.parents}
        for run in plan.runs:
            pair = {k: run.resolved[k] for k in ("dataset", "model", "frontend", "recipe")}
            inits = [(e["kind"], e["name"]) for e in run.resolved["init"]]
            found.setdefault(identity.digest([run.system, pair, inits]), run)
    return list(found.values()), parents


@functools.cache
def published(name):
    """Return weights as the published file holds them, at the demo's size."""
    torch.manual_seed(0)
    if name == "HDemucs":
        return DualUNet(SOURCES, nfft=4096, depth=6, channels=4).state_dict()
    width, depth, heads = DEIT[name]
    size = 384 if name in ("DeiT", "AST AudioSet") else 224
    vit = VisionTransformerDistilled(
        img_size=size, embed_dim=width, depth=depth, num_heads=heads, num_classes=1000
    )
    return {"model": vit.state_dict()}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tiny.home(tmp_path_factory.mktemp("pairs"))
    folder = tmp_path_factory.mktemp("weights")
    located = {}
    for name in (*DEIT, "HDemucs"):
        path = folder / f"{name}.pth"
        torch.save(published(name), path)
        located[name] = SimpleNamespace(path=path, sha256=f"{len(located):064x}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gaps, "weights_here", lambda name, *_: located[name].sha256)
        patch.setattr(store, "located", lambda name, data: located[name])
        determinism.set_up(2)
        yield home


def train(run, home):
    status, cause = runner.execute(run.job(), "cpu", 2, home, lambda event: None)
    assert status == "complete", f"{run.system}: {cause}"
    return Ledger([home.runs]).result(run.id)


def test_the_pairs_are_some_thirty_of_every_model(home):
    runs, _ = planned(home)
    assert len(runs) >= 30
    assert {run.resolved["model"]["name"] for run in runs} == {
        "asm", "asmrh", "m3net", "ast_vit", "gafx", "eat", "phinets",
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
