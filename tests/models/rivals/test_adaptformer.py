"""AdaptFormer on AST: what learns, what stays, and the adapters against their formula."""

import json

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from repro.commands._entry import main
from repro.models import adaptformer, ast_vit
from repro.train import optim
from tests import published_states
from tests.models.rivals.parts import close, count, initialised, noise, randomised

SMALL = {"width": 24, "depth": 2, "heads": 3, "adapter": 6}
ADAM = {"name": "adam", "lr": 1e-2, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.1}


def learning(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, 1_433_891),  # the printed 1.43 million
        ({"adapter_norm": False}, 1_415_459),
        ({"patches": False}, 1_236_515),
        ({"patches": False, "adapter_norm": False}, 1_218_083),
    ],
)
def test_counts_of_what_learns(args, expected):
    with torch.device("meta"):
        model = adaptformer.build(35, (98, 128), **args)
        trunk = ast_vit.build(35, (98, 128))
    adapters = 12 * (2 * 768 * 64 + 64 + 768 + args.get("adapter_norm", True) * 2 * 768)
    patches = args.get("patches", True) * (256 + 1) * 768
    assert learning(model) == expected == adapters + patches + 2 * 768 + 769 * 35
    assert count(model) == count(trunk) + adapters
    assert model(torch.empty(2, 98, 128, device="meta")).shape == (2, 35)
    with torch.device("meta"):
        free = adaptformer.build(35, (98, 128), **args, frozen=False)
    assert learning(free) == count(free) == count(model)


def test_its_line_says_how_many_learn(tmp_path):
    done = CliRunner().invoke(main, ["cells", "m3net-speechcommands", "--with-rivals", "--format",
                                     "json", "--home", str(tmp_path)])  # fmt: skip
    (cell,) = (c for c in json.loads(done.stdout)
               if (c["row"], c["column"]) == ("adaptformer", "parameters"))  # fmt: skip
    assert "1,433,891 of them are trained" in json.dumps(cell)


def test_an_adapter_joins_the_feed_forward_layers():
    model = randomised(adaptformer.build(4, (64, 32), **SMALL).double())
    x = noise(2, 64, 32).double()
    vit = model.vit
    tokens = vit._pos_embed(vit.patch_embed(x))
    for block, adapter in zip(vit.blocks, model.adapters, strict=True):
        y = tokens + block.attn(block.norm1(tokens))
        n = (y - y.mean(dim=2, keepdim=True)) / (
            y.var(dim=2, keepdim=True, correction=0) + 1e-5
        ).sqrt()
        n = n * adapter.norm.weight + adapter.norm.bias
        narrow = (n @ adapter.down.weight.T + adapter.down.bias).clamp(min=0)
        added = 0.1 * (narrow @ adapter.up.weight.T + adapter.up.bias)
        tokens = y + block.mlp(block.norm2(y)) + added
    close(model(x), model.head(vit.norm(tokens)[:, :2].mean(dim=1)))


def test_at_first_it_is_ast():
    model = initialised(adaptformer.build(4, (64, 32), **SMALL)).eval()
    args = {key: value for key, value in SMALL.items() if key != "adapter"}
    plain = initialised(ast_vit.build(4, (64, 32), **args)).eval()
    close(model(noise(2, 64, 32)), plain(noise(2, 64, 32)))


@pytest.mark.parametrize("patches", [True, False])
def test_steps_move_what_learns_and_nothing_else(patches):
    model = initialised(adaptformer.build(4, (64, 32), **SMALL, patches=patches)).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizer = optim.build(model.parameters(), ADAM)
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in model.parameters() if p.requires_grad}
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(noise(4, 64, 32)), torch.arange(4)).backward()
        optimizer.step()
    moved = {n for n, tensor in model.state_dict().items() if not torch.equal(tensor, before[n])}
    expected = {n for n in before if n.startswith(("adapters.", "head."))}
    expected |= {n for n in before if n.startswith("vit.patch_embed.")} if patches else set()
    assert moved == expected


def test_published_weights_fill_the_trunk():
    model = initialised(adaptformer.build(35, (98, 128), depth=12))
    said = adaptformer.load(model, published_states.state("DeiT"))
    assert said[-1] == "not loaded: head.norm.weight, head.norm.bias, head.linear.weight, " \
        "head.linear.bias, adapters"  # fmt: skip
    given = published_states.state("DeiT")["blocks.11.mlp.fc2.weight"]
    assert torch.equal(model.vit.blocks[11].mlp.fc2.weight, given)
    assert model.adapters[0].up.weight.abs().max() == 0
