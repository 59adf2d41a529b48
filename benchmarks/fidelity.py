"""Hold our networks, losses, mixing, noises and features against the public code of EAT and AST.

    python benchmarks/fidelity.py --eat PATH
    python benchmarks/fidelity.py --ast PATH [--clips DIR]

PATH is a checkout of github.com/Alibaba-MIIL/AudioClassfication or github.com/YuanGongND/ast; no
line of theirs is in this project. Networks get the same weights and double precision; mixing gets
the same draws; noises are drawn many times and compared in distribution. --clips: a folder of
audio for AST's pipeline, else noises of several lengths. Prints a Markdown table, which stands
filled in `benchmarks/README.md`.

Shims, as in `reference.py`: AST's `wget` is an empty module, timm says that it is 0.4.5, DeiT is
asked for by its present name and gets AST's own patch embedding; audio is read by soundfile.
"""

import argparse
import importlib
import importlib.machinery
import random
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from repro.augment import mixing, signals
from repro.frontends.fbank import Fbank
from repro.models import ast_vit, eat
from repro.train import losses

Row = tuple[str, str, str]  # what, measure, value
DRAWS = 400  # clips for each noise
SAMPLES = 114_688


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def far(ours: Tensor, theirs: Tensor) -> str:
    """Return the largest difference, as a share of the largest value."""
    return f"{((ours - theirs).abs().max() / theirs.abs().max()).item():.1e}"


def randomise(model: nn.Module) -> None:
    """Give every parameter and running statistic a value of its own, so that none is idle."""
    for number, (name, tensor) in enumerate(model.state_dict().items()):
        if tensor.is_floating_point() and "filt" not in name:
            value = torch.rand(tensor.shape, generator=seeded(number), dtype=tensor.dtype)
            positive = name.endswith("running_var") or tensor.ndim == 1
            tensor.copy_(0.5 + value if positive else (value - 0.5) / tensor[0].numel() ** 0.5)


def side_by_side(
    what: str,
    ours: nn.Module,
    theirs: nn.Module,
    pairs: list[tuple[Any, Any]],
    inputs: tuple[Tensor, Tensor],
) -> Iterator[Row]:
    """Compare outputs in evaluation, and in training outputs and the gradient of each parameter."""
    count = sum(p.numel() for p in ours.parameters())
    held = sum(own.numel() for own, _ in pairs if isinstance(own, nn.Parameter))
    yield what, "parameters, ours / held against theirs", f"{count:,} / {held:,}"
    for training in (False, True):
        outs = []
        for model, x in zip((ours, theirs), inputs, strict=True):
            model.train(training)
            for module in model.modules():
                if isinstance(module, nn.Dropout):
                    module.p = 0.0
                if isinstance(module, nn.MultiheadAttention):
                    module.dropout = 0.0
            outs.append(model(x.clone()))
        yield what, f"outputs in {'training' if training else 'evaluation'}", far(*outs)
    for out in outs:
        (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)).sum().backward()
    grads = [(p.grad, q.grad.view_as(p)) for p, q in pairs if isinstance(p, nn.Parameter)]
    idle = 1e-9 * max(other.norm() for _, other in grads)  # a bias before a batch norm has none
    worst = max(((a - b).norm() / b.norm()).item() for a, b in grads if b.norm() > idle)
    yield what, "gradient of the parameter that differs most", f"{worst:.1e}"


# ---- EAT -----------------------------------------------------------------------------------------


def eat_rows(path: Path) -> Iterator[Row]:
    sys.path.insert(0, str(path))
    folder = types.ModuleType("datasets")  # before the library of that name
    folder.__path__ = [str(path / "datasets")]
    folder.__spec__ = importlib.machinery.ModuleSpec("datasets", None, is_package=True)
    sys.modules["datasets"] = folder
    sizes = {"EAT-S": (16, 128, 4, 8, 512), "EAT-M": (32, 256, 6, 16, 2048)}
    for name, (width, embedding, layers, heads, hidden) in sizes.items():
        args = {"embedding": embedding, "layers": layers, "heads": heads, "hidden": hidden}
        ours = eat.build(50, (SAMPLES,), width=width, factors="4 4 4 4", dropout=0.0, **args)
        ours = ours.double()
        sound = importlib.import_module("modules.soundnet").SoundNetRaw
        theirs = sound(width, SAMPLES // 1024, embedding, layers, heads, [4, 4, 4, 4], 50,
                       hidden).double()  # fmt: skip
        with torch.no_grad():
            randomise(theirs)
            pairs = list(eat_pairs(ours, theirs))
            for own, other in pairs:
                own.copy_(other)
        x = torch.randn(2, SAMPLES, generator=seeded(1), dtype=torch.float64)
        yield from side_by_side(name, ours, theirs, pairs, (x, x[:, None]))
    yield from eat_numbers(sound)
    yield from eat_losses()
    yield from eat_mixing()
    yield from eat_noises()


def waves(model: nn.Module) -> None:
    """Give the n-th tensor of a model sines of its own: `tests/models/test_oracles.py` does so."""
    for number, tensor in enumerate(t for t in model.state_dict().values() if t.ndim):
        place = torch.arange(tensor.numel(), dtype=torch.float64).view(tensor.shape)
        value = (0.7 * place + number).sin()
        tensor.copy_(1 + 0.3 * value if tensor.ndim == 1 else value / tensor[0].numel() ** 0.5)


def numbers(what: str, ours: nn.Module, theirs: nn.Module, pairs: Any, x: Tensor) -> Iterator[Row]:
    """Yield what the public network makes of sines: numbers that a test of ours restates."""
    with torch.no_grad():
        waves(ours)
        for own, other in pairs:
            other.copy_(own.view_as(other))
        theirs.eval()
    out = theirs(x)
    out.square().sum().backward()
    total = sum(other.grad.abs().sum().item() for own, other in pairs
                if isinstance(own, nn.Parameter))  # fmt: skip
    yield what, "logits", " ".join(f"{value:.10g}" for value in out.flatten().tolist())
    yield what, "sum of the gradients' magnitudes", f"{total:.10g}"


def eat_numbers(sound: Any) -> Iterator[Row]:
    args = {"embedding": 32, "layers": 2, "heads": 4, "hidden": 64}
    ours = eat.build(5, (16384,), width=4, factors="4 4 2 2", dropout=0.0, **args).double()
    theirs = sound(4, 64, 32, 2, 4, [4, 4, 2, 2], 5, 64).double()
    x = (0.01 * torch.arange(16384, dtype=torch.float64) ** 1.2).sin()[None, None]
    yield from numbers("public EAT on sines", ours, theirs, list(eat_pairs(ours, theirs)), x)


def eat_pairs(ours: nn.Module, theirs: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield each of our tensors with theirs: parameters, and statistics of batch norms."""

    def together(own: nn.Module, other: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
        names = dict(other.named_parameters()) | dict(other.named_buffers())
        for name, tensor in (dict(own.named_parameters()) | dict(own.named_buffers())).items():
            if tensor.is_floating_point():
                yield tensor, names[name]

    def conv(own: Any, other: Any, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        yield from together(own.conv, other[first])
        yield from together(own.norm, other[first + 1])

    yield from conv(ours.stem, theirs.start, 1)
    for own, other in zip(ours.backbone, [*theirs.down, *theirs.down2], strict=True):
        if hasattr(other, "down"):
            yield from conv(own.conv, other.down, 1)
            continue
        yield from conv(own.over_time, other.block_t, 1)
        yield from conv(own.over_channels, other.block_f, 0)
        yield from together(own.shortcut, other.shortcut)
    yield from together(ours.project, theirs.project)
    gather, encoder = ours.gather, theirs.tf.transformer_enc
    yield gather.cls_token, theirs.tf.cls_token
    yield gather.position, theirs.tf.pos_embed
    for own, other in zip(gather.layers, encoder.layers, strict=True):
        yield own.attention.qkv.weight, other.self_attn.in_proj_weight
        yield own.attention.qkv.bias, other.self_attn.in_proj_bias
        yield from together(own.attention.out, other.self_attn.out_proj)
        yield from together(own.mlp.fc1, other.linear1)
        yield from together(own.mlp.fc2, other.linear2)
        yield from together(own.norm1, other.norm1)
        yield from together(own.norm2, other.norm2)
    yield from together(gather.norm, encoder.norm)
    yield from together(ours.head, theirs.tf.fc)


def eat_losses() -> Iterator[Row]:
    logits = 3 * torch.randn(64, 50, generator=seeded(2), dtype=torch.float64)
    numbers = torch.arange(64) % 50
    whole = nn.functional.one_hot(numbers, 50).double()
    smooth = importlib.import_module("modules.losses").LabelSmoothCrossEntropyLoss
    theirs = smooth(smoothing=0.1, reduction="sum")(logits, numbers)
    ours = losses.loss("ce", logits, whole, 0.1, "sum")
    yield "loss", "label smoothing 0.1, summed", far(ours, theirs)
    batch, weight = augmentations(), torch.linspace(0.5, 1.0, 64, dtype=torch.float64)
    other = numbers.roll(-1)
    theirs = batch.mix_loss(logits, (numbers, other, weight), n_classes=50)
    mixed = mixing.hard_targets(whole, whole.roll(-1, 0), weight)
    yield "loss", "of mixed clips, summed", far(losses.loss("bce", logits, mixed,
                                                            reduction="sum"), theirs)  # fmt: skip


def augmentations() -> Any:
    settings = {"fs": 22050, "mix_loss": "bce", "resample_factors": [], "device": "cpu"}
    return importlib.import_module("datasets.batch_augs").BatchAugs(settings)


def eat_mixing() -> Iterator[Row]:
    """Give both the same clips, partners, weights, sides and window."""
    batch, clips = augmentations(), 8
    x = torch.randn(clips, SAMPLES, generator=seeded(3)) * torch.logspace(-2, 0, clips)[:, None]
    u = torch.rand(clips, generator=seeded(4))
    labels = torch.arange(clips)
    partner = x.roll(-1, 0)
    torch.randperm, kept = (lambda n: torch.arange(n).roll(-1)), torch.randperm  # type: ignore[assignment]
    torch.rand, drawn = (lambda *shape, **_: u.view(shape)), torch.rand  # type: ignore[assignment]
    real = random.random, random.randint
    try:
        for late in (True, False):
            random.random = lambda late=late: 0.0 if late else 0.9  # type: ignore[assignment,misc]
            side, where = torch.full((clips,), late), "last" if late else "first"
            got, (_, _, p) = batch.timemix(x[:, None].clone(), labels)
            lam = 0.5 * u + 0.5
            yield "timemix", f"same draws, {where} part", far(mixing.timemix(x, partner, lam, side),
                                                              got[:, 0])  # fmt: skip
            for number, (window, hop) in enumerate(mixing.window_sizes(22050)):
                random.randint = lambda *_, number=number: number  # type: ignore[assignment,misc]
                inner = slice(window, -2 * window)  # theirs reflects the ends, ours has zeros there
                got = batch.freqmix(x[:, None].clone(), labels)[0][:, 0]
                ours = mixing.freqmix(x, partner, lam, side, window, hop)[:, : got.shape[1]]
                yield "freqmix", f"window {window}, {where} rows, ends apart", far(
                    ours[:, inner], got[:, inner])  # fmt: skip
        got, (_, _, p) = batch.mixup(x[:, None].clone(), labels)
        ours = mixing.mixup(x, partner, 0.1 + 0.9 * u)
        yield "mixup", "same draws", far(ours, got[:, 0])
        ours = mixing.amplitude(x, partner, 0.1 + 0.9 * u)
        yield "mixup", "weight of the first label (`--assume mixup-labels=amplitude`)", far(ours, p)
        for number, (window, hop) in enumerate(mixing.window_sizes(22050)):
            random.randint = lambda *_, number=number: number  # type: ignore[assignment,misc]
            inner = slice(window, -2 * window)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they give no window, as torch warns
                got = batch.phmix(x[:, None].clone(), labels)[0][:, 0]
            ours = mixing.phasemix(x, partner, u, window, hop)[:, : got.shape[1]]
            yield "phasemix", f"window {window}, ends apart", far(ours[:, inner], got[:, inner])
    finally:
        torch.randperm, torch.rand = kept, drawn
        random.random, random.randint = real


NOISES = {"white": "awgn", "blue": "abgn", "pink": "apgn", "violet": "avgn", "red": "argn",
          "uniform": "aun", "phase": "phn", "sine": "sine"}  # fmt: skip


def eat_noises() -> Iterator[Row]:
    """Draw each noise many times: its level below the clip, and the slope of its power."""
    made = importlib.import_module("datasets.audio_augs").AudioAugs
    clip = torch.randn(22050, generator=seeded(5))
    many = clip.expand(DRAWS * 3, -1).clone()
    keys = np.arange(DRAWS * 3, dtype=np.uint64)
    random.seed(0)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    for name, code in NOISES.items():
        drawn = signals.add_noise(many, [name], 7, keys, 22050) - many
        ours = drawn[drawn.abs().amax(dim=1) > 0][:DRAWS]
        one = made([code], 22050, p=1.0)
        theirs = torch.stack([fitting(one(clip.clone()), clip) - clip for _ in range(DRAWS)])
        for what, of in (("level below the clip, dB", level), ("slope, dB an octave", slope)):
            if what.startswith("slope") and name in ("phase", "sine"):
                continue
            a, b = of(ours, clip), of(theirs, clip)
            yield name, what, f"ours {spread(a)}, theirs {spread(b)}"


def fitting(made: Tensor, clip: Tensor) -> Tensor:
    """Fill with the clip what an inverse STFT has cut off."""
    return torch.cat([made, clip[len(made):]])  # fmt: skip


def level(noise: Tensor, clip: Tensor) -> Tensor:
    return 10 * torch.log10(clip.square().mean() / noise.square().mean(dim=1))


def slope(noise: Tensor, _: Tensor) -> Tensor:
    """Return the change of power from 250 to 4000 Hz, four octaves up."""
    power = torch.fft.rfft(noise).abs().square()
    low, high = power[:, 200:300].mean(dim=1), power[:, 3200:4800].mean(dim=1)
    return 10 * torch.log10(high / low) / 4


def spread(values: Tensor) -> str:
    return f"{values.mean().item():.2f} ± {values.std().item():.2f}"


# ---- AST -----------------------------------------------------------------------------------------


def ast_rows(path: Path, folder: Path | None) -> Iterator[Row]:
    import timm

    sys.path.insert(0, str(path / "src"))
    sys.modules["wget"] = types.ModuleType("wget")
    timm.__version__ = "0.4.5"
    create = timm.create_model

    def deit(name: str, pretrained: bool) -> Any:
        model = create(name.removeprefix("vit_"), pretrained=pretrained)
        model.patch_embed = theirs.PatchEmbed(*model.patch_embed.img_size[:1], 16, 3,
                                              model.embed_dim)  # fmt: skip
        return model

    timm.create_model = deit
    theirs = importlib.import_module("models.ast_models")
    for size, name, frames in (("tiny", "tiny224", 64), ("small", "small224", 512),
                               ("base384", "base384", 128)):  # fmt: skip
        other = theirs.ASTModel(label_dim=35, input_tdim=frames, imagenet_pretrain=False,
                                model_size=name, verbose=False).double()  # fmt: skip
        own = ast_vit.build(35, (frames, 128), size=size).double()
        with torch.no_grad():
            randomise(other)
            of = dict(other.v.named_parameters())
            pairs = [(p, of[key]) for key, p in own.vit.named_parameters()]
            pairs += list(zip(own.head.parameters(), other.mlp_head.parameters(), strict=True))
            for p, q in pairs:
                p.copy_(q)
        if size == "tiny":
            x = torch.arange(frames * 128, dtype=torch.float64).mul(0.37).sin().view(1, frames, 128)
            yield from numbers("public AST tiny on sines", own, other, pairs, x)
            for model in (own, other):
                model.zero_grad()
            with torch.no_grad():
                randomise(other)
                for p, q in pairs:
                    p.copy_(q)
        x = torch.randn(2, frames, 128, generator=seeded(1), dtype=torch.float64)
        yield from side_by_side(f"AST {size}, {frames} frames", own, other, pairs, (x, x))
    yield from ast_features(folder)


def ast_features(folder: Path | None) -> Iterator[Row]:
    """Run AST's loader and our front end over the same files: what the network reads."""
    import json

    import soundfile
    import torchaudio

    def load(path: str) -> tuple[Tensor, int]:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return torch.from_numpy(samples.T.copy()), rate

    torchaudio.load = load
    loader = importlib.import_module("dataloader")
    settings = {"num_mel_bins": 128, "target_length": 512, "freqm": 0, "timem": 0, "mixup": 0.0,
                "dataset": "any", "mode": "evaluation", "mean": -6.845978, "std": 5.5654526,
                "noise": False}  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        files = listed(folder) if folder else list(noises(Path(name)))
        (Path(name) / "labels.csv").write_text("index,mid,display_name\n0,c0,a class\n")
        (Path(name) / "clips.json").write_text(
            json.dumps({"data": [{"wav": str(file), "labels": "c0"} for file in files]})
        )
        data = loader.AudiosetDataset(f"{name}/clips.json", settings, f"{name}/labels.csv")
        equal, worst = 0, 0.0
        for number, file in enumerate(files):
            samples, rate = soundfile.read(file, dtype="float32")
            front, wave = Fbank(rate=rate), torch.from_numpy(samples)[None]
            ours = front.normalise(front.features(wave, torch.tensor([wave.shape[1]])))[0]
            theirs = data[number][0]
            equal += int(torch.equal(ours, theirs))
            worst = max(worst, (ours - theirs).abs().max().item())
    yield "AST's pipeline", "clips that are equal to the bit", f"{equal} of {len(files)}"
    yield "AST's pipeline", "largest difference", f"{worst:.1e}"


def listed(folder: Path) -> list[Path]:
    """Return the files of one channel in a folder: AST's loader reads no others."""
    import soundfile

    files = [f for f in sorted(folder.rglob("*")) if f.suffix in (".wav", ".flac", ".ogg")]
    return [file for file in files if soundfile.info(str(file)).channels == 1]


def noises(folder: Path) -> Iterator[Path]:
    import soundfile

    made = np.random.default_rng(0)
    for number, seconds in enumerate((0.4, 1.0, 3.7, 5.12, 6.0)):
        file = folder / f"{number}.wav"
        soundfile.write(file, 0.1 * made.standard_normal(int(16000 * seconds)), 16000)
        yield file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--eat", type=Path, metavar="PATH")
    parser.add_argument("--ast", type=Path, metavar="PATH")
    parser.add_argument("--clips", type=Path, metavar="DIR")
    args = parser.parse_args()
    if not (args.eat or args.ast):
        parser.error("give --eat PATH, --ast PATH or both")
    torch.set_num_threads(1)
    jobs: list[Callable[[], Iterator[Row]]] = []
    jobs += [lambda: eat_rows(args.eat)] if args.eat else []
    jobs += [lambda: ast_rows(args.ast, args.clips)] if args.ast else []
    print("| what | measure | ours against theirs |\n|---|---|---|")
    for job in jobs:
        for what, measure, value in job():
            print(f"| {what} | {measure} | {value} |", flush=True)


if __name__ == "__main__":
    main()
