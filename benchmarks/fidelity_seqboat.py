"""Hold our SeqBoat against its public code: outputs, and the gradient of every parameter.

    python benchmarks/fidelity_seqboat.py PATH

PATH is a checkout of github.com/renll/SeqBoat (it needs the package einops); no line of it is in
this project. Both networks get the same weights and double precision. Prints a Markdown table,
which stands filled in `benchmarks/README.md`.

Shims: the public files are read without the rest of fairseq, of which four functions are restated
here, and their casts to single precision are taken out of the text before it runs.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from fidelity import Row, numbers, randomise, seeded, side_by_side
from torch import Tensor, nn

from repro.models import seqboat

FILES = (
    "seqboat_utils",
    "scale_norm",
    "root_mean_square_norm",
    "layer_norm",
    "sequence_norm",
    "exponential_moving_average",
    "real_number_embedding",
    "fairseq_dropout",
    "normalized_feedforward_network",
    "seqboat_unit",
    "seqboat_sentence_encoder_layer",
)
PARTS = {  # ours: theirs, in a block
    "norm": "norm.norm",
    "averages.rate": "move.delta",
    "averages.memory": "move.alpha",
    "averages.into": "move.beta",
    "averages.out": "move.gamma",
    "averages.direct": "move.omega",
    "all": "hx_proj",
    "heat": "q_router.temp",
    "attended": "mx_proj",
    "stretch": "gamma",
    "shift": "beta",
    "near": "rel_pos_bias.rel_pos_bias",
    "back": "h_proj",
}
SIZES: dict[str, tuple[int, dict[str, Any]]] = {  # samples, and what is not as released
    "1,000 samples": (1000, {}),
    "small, 250 samples": (
        250,
        {"width": 12, "layers": 3, "hidden": 20, "keys": 6, "states": 4, "reach": 90, "window": 16},
    ),
}


def loaded(name: str, path: Path, **given: Any) -> ModuleType:
    """Run one public file in double precision as a module of that name."""
    text = re.sub(r"\.float\(\)", "", path.read_text()).replace("torch.float32", "torch.float64")
    module = ModuleType(name)
    vars(module).update(given)
    sys.modules[name] = module
    exec(compile(text, str(path), "exec"), vars(module))
    return module


def called(activation: str) -> Callable[[Tensor], Tensor]:
    return {"silu": nn.functional.silu, "gelu": nn.functional.gelu}[activation]


def public(path: Path) -> Any:
    """Return the class of the public encoder."""
    package, modules = ModuleType("fairseq"), ModuleType("fairseq.modules")
    utils = ModuleType("fairseq.utils")
    utils.get_activation_fn = called  # type: ignore[attr-defined]
    utils.relu2 = lambda x: x.relu().square()  # type: ignore[attr-defined]
    package.utils = utils  # type: ignore[attr-defined]
    state = ModuleType("fairseq.incremental_decoding_utils")
    state.with_incremental_state = lambda cls: cls  # type: ignore[attr-defined]
    modules.__path__ = []
    layer = ModuleType("fairseq.modules.s4d_layer")
    layer.S4D = None  # type: ignore[attr-defined]
    for module in (package, modules, utils, state, layer):
        sys.modules[module.__name__] = module
    for file in FILES:
        made = loaded(
            f"fairseq.modules.{file}",
            path / f"fairseq/modules/{file}.py",
            __package__="fairseq.modules",
        )
        vars(modules).update({k: v for k, v in vars(made).items() if isinstance(v, type)})
    modules.LayerDropModuleList = None  # type: ignore[attr-defined]
    encoder = path / "fairseq/models/speech_commands/seqboat_scraw_encoder.py"
    return loaded("fairseq.models.speech_commands.seqboat", encoder).SeqBoatSCRawEncoder


class Public(nn.Module):
    """The public encoder with the layers that its sc_raw model puts behind it."""

    def __init__(self, encoder: Any, classes: int, **sizes: int) -> None:
        super().__init__()
        width = sizes["width"]
        self.encoder = encoder(
            num_encoder_layers=sizes["layers"], embedding_dim=width, hidden_dim=sizes["hidden"],
            ffn_hidden_dim=-1, z_dim=sizes["keys"], n_dim=sizes["states"], max_steps=250_000,
            attention_activation="relu2", chunk_size=sizes["window"], norm_type="batchnorm",
            normalize_before=True, truncation=sizes["reach"], max_seq_len=16_000,
            sen_rep_type="mp", init_temp_scale=1.0, local_pos=True,
        )  # fmt: skip
        self.classifier = nn.Linear(width, 2 * width)
        self.out = nn.Linear(2 * width, classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        lengths = torch.full((len(x),), x.shape[1])
        _, mean, _ = self.encoder(x, lengths, last_state_only=True)
        return self.out(nn.functional.gelu(self.classifier(mean)))


def pairs(ours: nn.Module, theirs: nn.Module) -> Iterator[tuple[Any, Any]]:
    """Yield our tensors with theirs, in their shape."""
    named = {"weight": "encoder.embed_tokens.weight", "bias": "encoder.embed_tokens.bias",
             "scale": "encoder.pos_emb.scale", "hidden": "classifier", "head": "out",
             "norm": "encoder.final_norm.norm"}  # fmt: skip
    of = theirs.state_dict(keep_vars=True)
    for name, own in ours.state_dict(keep_vars=True).items():
        head, _, rest = name.partition(".")
        if head == "blocks":
            number, _, rest = rest.partition(".")
            part = next(p for p in PARTS if rest == p or rest.startswith(f"{p}."))
            other = f"encoder.layers.{number}.mega_layer.{PARTS[part]}{rest.removeprefix(part)}"
        else:
            other = ".".join([named[head], *([rest] if rest else [])])
        yield own, of[other]


def halve(theirs: Any, x: Tensor) -> None:
    """Have each block's gate take one half of the samples, in training and in evaluation."""
    for module in theirs.train().modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = 1.0  # what it learns of this batch is all that it knows
    for block in theirs.encoder.layers:
        block.mega_layer.rel_pos_bias.rel_pos_bias.sub_(1.0)  # so that some products are negative
        gates: list[Tensor] = []
        projection = block.mega_layer.hx_proj
        hook = projection.register_forward_hook(lambda _, __, made, to=gates: to.append(made))
        theirs(x)
        hook.remove()
        projection.bias[1] -= (gates[0][..., 1] - gates[0][..., 0]).quantile(0.5)


def rows(path: Path) -> Iterator[Row]:
    encoder = public(path)
    torch.set_default_dtype(torch.float64)
    for what, (samples, changed) in SIZES.items():
        sizes = {"width": 60, "layers": 8, "hidden": 120, "keys": 30, "states": 16,
                 "reach": 4000, "window": 128, **changed}  # fmt: skip
        ours = seqboat.build(10, (samples,), **sizes)
        theirs = Public(encoder, 10, **sizes)
        count = sum(p.numel() for p in theirs.parameters())
        yield f"SeqBoat, {what}", "parameters of the public network", f"{count:,}"
        steps = torch.arange(0, sizes["width"], 2) / sizes["width"]
        slower = 10000**-steps  # theirs are made in single precision
        theirs.encoder.pos_emb.inv_freq.copy_(slower)
        found = list(pairs(ours, theirs))
        if changed:
            x = (0.01 * torch.arange(samples) ** 1.4).sin()[None]
            yield from numbers("public SeqBoat on sines", ours, theirs, found, x)
            for model in (ours, theirs):
                model.zero_grad()
        x = torch.randn(3, samples, generator=seeded(1))
        with torch.no_grad():
            randomise(theirs)
            theirs.encoder.pos_emb.inv_freq.copy_(slower)
            halve(theirs, x)
            for own, other in found:
                own.copy_(other.view_as(own))
        yield from side_by_side(f"SeqBoat, {what}", ours, theirs, found, (x * ours.level, x))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, metavar="PATH")
    torch.set_num_threads(1)
    print("| what | measure | ours against theirs |\n|---|---|---|")
    for what, measure, value in rows(parser.parse_args().path):
        print(f"| {what} | {measure} | {value} |", flush=True)


if __name__ == "__main__":
    main()
