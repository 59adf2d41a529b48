"""The distinct pairs of system and recipe of the four papers, at demo size for two epochs.

Weights that would be fetched are made here, with the names that the published files use and the
demo's sizes; the planner is told that they are there.
"""

import contextlib
import dataclasses
import functools
from types import SimpleNamespace

import pytest
import torch
from timm.models.deit import VisionTransformerDistilled

from repro import identity
from repro.models import cnn14, esresnet, htsat, passt, samplecnn
from repro.models.gafx import SOURCES, DualUNet
from repro.plan import gaps
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.spec import catalogue, lines
from repro.weights import store

CLIPS = {"train": 16, "valid": 8, "test": 16}
DEIT = {  # by the demo's widths: depth, heads
    "DeiT": (64, 2, 2),
    "AST AudioSet": (64, 2, 2),
    "DeiT-Ti": (48, 2, 3),
    "DeiT-S": (48, 2, 3),
}


def _named(model, published):
    """Return a network, and the published name of each of its tensors but the output layer's."""
    kept = [key for key in model.state_dict() if not key.startswith("head.")]
    return model, {key: published(key) for key in kept}


def _htsat():
    model = htsat.build(4, (101, 64), width=8, heads=1, depth=1)
    return model, {k: f"sed_model.{name}" for k, name in htsat.published(model).items()}


RIVALS = {  # at the demo's sizes
    "CNN14": lambda: _named(
        cnn14.build(4, (128, 64), width=8, blocks=4), cnn14.published
    ),
    "PaSST": lambda: _named(
        passt.build(4, (998, 128), width=48, depth=2, heads=3),
        lambda key: passt.PUBLISHED.get(key, key),
    ),
    "HTS-AT": _htsat,
    "ESResNeXt-fbsp": lambda: _named(
        esresnet.build(
            4, (8192,), transform="fbsp", groups=2, group_width=32, divide=8, blocks=1
        ),
        lambda key: key,
    ),
    "CLMR": lambda: _named(
        samplecnn.build(4, (6561,), stages=7, divide=8),
        lambda key: f"model.encoder.{samplecnn.published(key)}",
    ),
}  # fmt: skip


def small(recipe, share=1):
    """Return a recipe whose demo has two epochs, the second one with mixing, on few clips.

    share: by which clips and batch are divided once more.
    """
    if recipe.demo is None:
        return recipe
    changes = dict(recipe.demo.recipe)
    changes |= {"epochs": 2, "batch": 8 // share}
    if "augment" in changes:
        changes["augment"] = {**changes["augment"]}
        if recipe.augment.mixing:
            changes["augment"]["mix_from_epoch"] = 1
    clips = {part: CLIPS[part] // share for part in recipe.demo.clips}
    demo = recipe.demo.model_copy(update={"recipe": changes, "clips": clips})
    return recipe.model_copy(update={"demo": demo})


def planned(home, paper=None, share=1):
    """Return one run of each distinct pair (of a paper), and the runs that they start from."""
    found, parents = {}, {}
    for alone in catalogue.load_all(paper):
        entry = lines.fit(alone, "", (), (), catalogue.load_all, with_rivals=True)
        recipes = {name: small(recipe, share) for name, recipe in entry.recipes.recipes.items()}
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
    if name in RIVALS:
        model, named = RIVALS[name]()
        return {named[key]: tensor for key, tensor in model.state_dict().items() if key in named}
    if name == "HDemucs":
        return DualUNet(SOURCES, nfft=4096, depth=6, channels=4).state_dict()
    width, depth, heads = DEIT[name]
    size = 384 if name in ("DeiT", "AST AudioSet") else 224
    vit = VisionTransformerDistilled(
        img_size=size, embed_dim=width, depth=depth, num_heads=heads, num_classes=1000
    )
    return {"model": vit.state_dict()}


@contextlib.contextmanager
def weights_here(folder):
    """Have the published weights that a pair starts from, as files in `folder`."""
    located = {}
    for name in (*DEIT, *RIVALS, "HDemucs"):
        path = folder / f"{name}.pth"
        torch.save(published(name), path)
        located[name] = SimpleNamespace(path=path, sha256=f"{len(located):064x}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gaps, "weights_here", lambda name, *_: located[name].sha256)
        patch.setattr(store, "located", lambda name, data: located[name])
        yield
