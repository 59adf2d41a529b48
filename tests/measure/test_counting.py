"""Counts of networks: worked by hand, against real passes, and against what is committed."""

import pytest
import torch
from torch import nn

from repro import places
from repro.measure import counting, networks
from repro.models import eat, gafx
from repro.records.ledger import Ledger


@pytest.mark.parametrize(
    ("layer", "shape", "multiply_adds"),
    [
        (nn.Linear(7, 5), (7,), 7 * 5),
        (nn.Conv1d(3, 8, 5), (3, 20), 16 * 8 * 3 * 5),
        (nn.Conv1d(4, 8, 3, groups=4), (4, 12), 10 * 8 * 1 * 3),
        (nn.Conv2d(2, 6, 3, stride=2, padding=1), (2, 8, 10), 4 * 5 * 6 * 2 * 9),
        (nn.ConvTranspose1d(3, 2, 4, stride=4), (3, 5), 5 * 3 * 2 * 4),
        (nn.Sequential(nn.BatchNorm1d(3), nn.GELU()), (3, 20), 0),
    ],
)
def test_multiply_adds_by_hand(layer, shape, multiply_adds):
    with torch.device("meta"):
        layer = layer.to("meta").eval()
    assert counting.layers(layer, shape, 1)[0] == multiply_adds


def test_recurrent_layers_and_attention_count_too():
    """Both have kernels on a CPU that the counter does not see; on the meta device it sees all."""
    with torch.device("meta"):
        lstm = nn.LSTM(8, 16, bidirectional=True, batch_first=True)
        model = eat.Attention(width=12, heads=3, dropout=0.0)
    # Two directions of five steps; four gates of 16 read 8 inputs and 16 states.
    assert counting.layers(lstm, (5, 8), 1)[0] == 2 * 5 * 4 * 16 * (8 + 16)
    # Ten tokens: q, k, v and the output; then scores and their sums over three heads of 4.
    assert counting.layers(model, (10, 12), 1)[0] == 10 * 12 * 48 + 2 * 10 * 10 * 12


@pytest.fixture(scope="module")
def small():
    settings = {"width": 2, "embedding": 16, "layers": 2, "heads": 2, "hidden": 8}
    with torch.device("meta"):
        model = eat.build(5, (1, 32768), **settings)
    return model.eval(), eat.build(5, (1, 32768), **settings).eval()


def test_the_layer_table_is_what_a_real_pass_gives(small):
    """Shapes on the meta device are those of a pass that computes; so are names and order."""
    model, real = small
    shapes = {}

    def keep(name):
        return lambda _, __, out: shapes.update({name: tuple(out.shape[1:])})

    for name, module in real.named_modules():
        module.register_forward_hook(keep(name))
    with torch.no_grad():
        real(torch.zeros(1, 1, 32768))
    _, table = counting.layers(model, (1, 32768), 99)
    assert {row.layer: row.shape for row in table} == {k: v for k, v in shapes.items() if k}
    called = [name for name, _ in real.named_modules() if name in shapes and name]
    assert [row.layer for row in table] == called
    own = dict(real.named_modules())
    for row in table:
        assert row.parameters == sum(p.numel() for p in own[row.layer].parameters())
        assert row.kind == type(own[row.layer]).__name__


def test_layers_of_one_level_add_up(small):
    model, _ = small
    total, table = counting.layers(model, (1, 32768), 1)
    assert [row.layer for row in table] == ["stem", "backbone", "project", "gather", "head"]
    assert sum(row.multiply_adds for row in table) == total
    assert sum(row.parameters for row in table) == counting.parameters(model)
    _, deeper = counting.layers(model, (1, 32768), 2)
    inner = [row for row in deeper if row.layer.startswith("backbone.")]
    (whole,) = (row for row in deeper if row.layer == "backbone")
    assert sum(row.multiply_adds for row in inner) == whole.multiply_adds


def test_a_list_of_layers_is_no_level():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
            self.unused = nn.Linear(9, 9)

        def forward(self, x):
            return self.parts[1](self.parts[0](x))

    with torch.device("meta"):
        _, table = counting.layers(Two(), (4,), 1)
    assert [row.layer for row in table] == ["parts.0", "parts.1"]


def test_other_ways_to_count_are_named():
    with torch.device("meta"):
        frozen = gafx.build(10, (2, 16384), extractor="unet", classifier="tiny", frozen=True)
    found = counting.counts(frozen)
    classifier = sum(p.numel() for p in frozen.classifier.parameters())
    assert found["those that are trained"] == classifier
    heads = 2 * (192 + 1) * 1000
    name = "with the two output layers of DeiT that nothing reads"
    assert found[name] == counting.parameters(frozen) + heads


def test_operations_declared_for_the_cost_are_those_counted():
    """Forward and backward are three passes, but the first layer passes no gradient on.

    Nor has a product with cosines a weight to learn: 12 blocks, 600 tokens, 768 features to the 385
    entries of the spectrum that are read, and from them back to 768.
    """
    fixed = {"asm": 0, "asm-rh": 12 * 600 * 385 * (385 + 768)}
    entry, _ = networks.entry_of("asm")
    for system in ("asm", "asm-rh"):
        (network,) = (
            n for n in networks.chosen([system])
            if n.dataset == "speech_commands_v2_35" and system in n.systems
        )  # fmt: skip
        model, shape = counting.build(network.resolved, networks.input_of(network.dataset))
        total, table = counting.layers(model, shape, 1)
        first = next(row.multiply_adds for row in table if row.layer == "patches")
        gflop = (6 * total - 2 * first - 2 * fixed[system]) / 1e9
        assert entry.recipes.systems[system].gflop["full"] == pytest.approx(gflop, abs=0.01)


# ---- what is committed -------------------------------------------------------------------------

QUICK = ("m3net", "m3net-1s", "eat-s-16k", "ast-ti", "gafx-r-10s")


def counted_again(network):
    given = networks.input_of(network.dataset)
    elsewhere = {name: networks.input_of(name) for name in network.elsewhere}
    return counting.measure(network.resolved, given, elsewhere)


def committed(network):
    record = networks.counted(networks.results(network, Ledger([places.shipped("results")])))
    assert record is not None, f"repro models measure {network.systems[0]} --into results"
    return record.content()["measured"]


@pytest.mark.parametrize("system", QUICK)
def test_committed_counts_are_what_the_network_has(system):
    (network,) = (n for n in networks.networks() if n.systems[0] == system)
    assert counted_again(network) == committed(network)


@pytest.mark.slow
@pytest.mark.parametrize("network", networks.networks(), ids=lambda n: n.title)
def test_all_committed_counts_are_what_the_networks_have(network):
    assert counted_again(network) == committed(network)


def above(name):
    parts = name.split(".")
    return {".".join(parts[:depth]) for depth in range(1, len(parts))}


# Models whose forward multiplies outside of layers, and at most which share of all: HTS-AT resizes
# the spectrogram by a matrix, ESResNeXt's wavelets are matrices (ESResNet-Att's transform an FFT).
OUTSIDE = {"htsat": 0.02, "esresnet": 0.12}


@pytest.mark.parametrize("network", networks.networks(), ids=lambda n: n.title)
def test_every_network_of_the_tables_is_committed(network):
    found = committed(network)
    names = {row["layer"] for row in found["table"]}
    outermost = [row for row in found["table"] if names.isdisjoint(above(row["layer"]))]
    outside = found["multiply_adds"] - sum(row["multiply_adds"] for row in outermost)
    bound = OUTSIDE.get(network.model, 0.0) * found["multiply_adds"]
    assert 0 <= outside <= bound, network.title
    assert (outside > 0) == (bound > 0 and not network.systems[0].startswith("esresnet-att"))
    own = found["parameters"] - sum(row["parameters"] for row in outermost)
    assert 0 <= own < 0.06 * found["parameters"]  # tokens and positions belong to no layer
