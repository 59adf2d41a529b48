"""Train with the public code of AST or EAT and with ours on the same clips; print the ratio.

    python benchmarks/reference.py --ast PATH [--device cuda:0] [--batch N] [--steps N] ...
    python benchmarks/reference.py --eat PATH

PATH is a checkout of github.com/YuanGongND/ast or github.com/Alibaba-MIIL/AudioClassfication; no
line of theirs is in this project. Their own `train` runs, unchanged, on WAV files of generated
clips, and is stopped once it has taken its steps; the first batch does not count. Ours reads the
same clips from its store. Each side runs in a process of its own, in turn, several times.

AST: base, 600 patches, Speech Commands recipe. EAT: EAT-S, ESC-50 recipe, every batch mixed; ours
without self-distillation, which their code has not. On a CPU both train in single precision; on a
GPU theirs in fp16 with loss scaling, ours in bf16.

Shims, in the process of the reference only: `torchaudio.load` reads by soundfile (torchaudio 2.11
needs torchcodec). AST: `wget` is an empty module; `timm.__version__` says 0.4.5; DeiT is asked for
by its present name and gets AST's own patch embedding, which later versions of timm do not take
over. Its blocks are present timm's, with fused attention: faster than what AST pins. EAT:
TensorBoard's writer does nothing; the folder `datasets` goes before the library of that name; on a
CPU `.cuda()` leaves a module where it is.
"""

import argparse
import dataclasses
import importlib.machinery
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TABLES = {"ast": ("asm-rh", "asmrh-speechcommands"), "eat": ("eat-s", "eat-esc50")}


class Enough(Exception):  # noqa: N818  # no error: the end
    """All steps are taken."""


class Timed:
    """A loader of batches that starts a clock after the first and stops training after the last."""

    def __init__(self, loader: Any) -> None:
        self.loader, self.dataset = loader, loader.dataset
        self.began: tuple[float, float] = (0.0, 0.0)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        for number, batch in enumerate(self.loader):
            if number == 1:
                self.began = clock()
            yield batch
        raise Enough


def clock() -> tuple[float, float]:
    """Return the time, and the processor's of this process and of its children that have ended."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), time.process_time() + ended.ru_utime + ended.ru_stime


def build(side: str, args: argparse.Namespace, steps: int) -> tuple[Any, Any, str]:
    """Return our task, with an epoch of so many steps, what a step does, and the audio."""
    from repro import places
    from repro.commands import bench

    system, table = TABLES[side]
    _, run = bench._run(system, table, {}, places.home())
    fp32 = args.device == "cpu"
    resolved = json.loads(json.dumps(run.resolved))
    if side == "ast":
        resolved["model"] = {**resolved["model"], "name": "ast_vit", "args": {"size": "base384"}}
    resolved["recipe"] |= {"distill": ""} | ({"precision": "fp32"} if fp32 else {})
    run = dataclasses.replace(run, resolved=resolved)
    return bench._build(run, args.device, args.threads, args.batch, steps, places.home())


def ours(side: str, args: argparse.Namespace) -> tuple[float, float]:
    """Train with our loop; return the seconds of a step, and of the processor."""
    from repro.measure import bench

    task, _, _ = build(side, args, args.steps + 1)
    own = bench.Loop(task)
    own.run()
    began = clock()
    own.run()
    ended = clock()
    wall, cpu = (end - begin for begin, end in zip(began, ended, strict=True))
    return wall / (args.steps + 1), cpu / (args.steps + 1)


def theirs(side: str, args: argparse.Namespace) -> tuple[float, float]:
    """Train with the reference; return the seconds of a step, and of the processor."""
    import torch

    torch.set_num_threads(args.threads)
    read_by_soundfile()
    timed = (ast if side == "ast" else eat)(args)
    wall, cpu = (end - begin for begin, end in zip(timed.began, clock(), strict=True))
    return wall / args.steps, cpu / args.steps


def read_by_soundfile() -> None:
    import soundfile
    import torch
    import torchaudio

    def load(path: str) -> tuple[Any, int]:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return torch.from_numpy(samples.T.copy()), rate

    torchaudio.load = load


def ast(args: argparse.Namespace) -> Timed:
    """Train AST by its `traintest.train`, with the settings of its Speech Commands recipe."""
    import timm
    import timm.layers
    import torch

    sys.path.insert(0, str(args.ast / "src"))
    sys.modules["wget"] = types.ModuleType("wget")
    timm.__version__ = "0.4.5"
    create = timm.create_model

    def deit(name: str, pretrained: bool) -> Any:
        assert not pretrained
        model = create(name.removeprefix("vit_"), pretrained=False)
        model.patch_embed = ast_models.PatchEmbed(384, 16, 3, 768)
        return model

    timm.create_model = deit
    import dataloader
    import traintest
    from models import ast_models

    settings = {"num_mel_bins": 128, "target_length": 512, "freqm": 48, "timem": 48, "mixup": 0.6,
                "dataset": "speechcommands", "mode": "train", "mean": -6.845978, "std": 5.5654526,
                "noise": True}  # fmt: skip
    data = dataloader.AudiosetDataset("clips.json", label_csv="labels.csv", audio_conf=settings)
    loader = torch.utils.data.DataLoader(
        data, batch_size=args.batch, shuffle=True, num_workers=args.workers, pin_memory=True
    )
    timed = Timed(loader)
    model = ast_models.ASTModel(
        label_dim=data.label_num, input_tdim=512, imagenet_pretrain=False, model_size="base384"
    )
    options = argparse.Namespace(
        exp_dir=".", lr=2.5e-4, metrics="acc", loss="BCE", warmup=False, lrscheduler_start=5,
        lrscheduler_step=1, lrscheduler_decay=0.85, dataset="speechcommands", n_epochs=1,
        n_print_steps=100,
    )  # fmt: skip
    try:
        traintest.train(model, timed, None, options)
    except Enough:
        return timed
    raise AssertionError("the reference has read no clip")


def eat(args: argparse.Namespace) -> Timed:
    """Train EAT-S by its `trainer.train`, with the options of its README for ESC-50."""
    import torch

    sys.path.insert(0, str(args.eat))
    folder = types.ModuleType("datasets")
    folder.__path__ = [str(args.eat / "datasets")]
    folder.__spec__ = importlib.machinery.ModuleSpec("datasets", None, is_package=True)
    sys.modules["datasets"] = folder
    board = types.ModuleType("torch.utils.tensorboard")
    board.SummaryWriter = lambda _: types.SimpleNamespace(add_scalar=lambda *_: None)
    sys.modules["torch.utils.tensorboard"] = board
    if args.device == "cpu":
        torch.nn.Module.cuda = lambda self: self
    words = ["--dataset", "esc50", "--seq_len", "114688", "--max_lr", "3e-4", "--emb_dim", "128",
             "--mix_ratio", "1", "--epoch_mix", "0", "--mix_loss", "bce", "--n_epochs", "3500",
             "--ds_factors", "4", "4", "4", "4", "--save_path", "outputs", "--run_name", "r1",
             "--batch_size", str(args.batch), "--num_workers", str(args.workers),
             *([] if args.device == "cpu" else ["--amp"])]  # fmt: skip
    sys.argv = ["trainer.py", *words]
    import trainer

    made: list[Timed] = []
    load = trainer.DataLoader

    def timed(*given: Any, **options: Any) -> Timed:
        made.append(Timed(load(*given, **options)))
        return made[-1]

    trainer.DataLoader = timed
    Path("run").mkdir(exist_ok=True)
    os.chdir("run")  # it reads ../data/ESC/ESC-50
    try:
        trainer.main()
    except Enough:
        return made[0]
    raise AssertionError("the reference has read no clip")


def write_clips(side: str, args: argparse.Namespace, folder: Path) -> None:
    """Write our clips as WAV files, where the reference looks for them."""
    import numpy as np
    import soundfile

    task, _, _ = build(side, args, args.steps + 1)
    listed = []
    for number, position in enumerate(task.train.positions):
        samples, lengths = task.store.batch(np.array([position]))
        label = int(task.train.labels[number])
        # EAT takes the fold from the name; its test fold is 1 and needs a clip too.
        file = folder / "data" / "ESC" / "ESC-50" / f"c{label:02d}" / f"2-{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, samples[0, : lengths[0]], task.front.rate)
        if number == 0:
            soundfile.write(file.with_name("1-0.wav"), samples[0], task.front.rate)
        listed.append({"wav": str(file), "labels": f"c{label}"})
    (folder / "clips.json").write_text(json.dumps({"data": listed}))
    rows = [f"{number},c{number},class {number}" for number in range(task.classes)]
    (folder / "labels.csv").write_text("index,mid,display_name\n" + "\n".join(rows) + "\n")


def alone(who: str, folder: Path) -> list[float]:
    """Run one side in a process of its own; return the seconds of a step, and of the processor."""
    words = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], "--only", who]
    environment = {**os.environ, "REPRO_HOME": str(folder / "home")}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{who} failed:\n{done.stderr}")
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--ast", type=Path, metavar="PATH")
    which.add_argument("--eat", type=Path, metavar="PATH")
    parser.add_argument("--device", choices=["cpu", "cuda:0"], default="cpu")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--workers", type=int, default=0, help="processes of the reference's loader"
    )
    parser.add_argument("--only", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    for given in ("ast", "eat"):
        if path := getattr(args, given):
            setattr(args, given, path.resolve())
            side = given
    if args.only:
        print(json.dumps((ours if args.only == "ours" else theirs)(side, args)))
        return
    sys.argv = [str(p.resolve()) if (p := Path(w)).exists() else w for w in sys.argv]
    with tempfile.TemporaryDirectory() as name:
        os.environ["REPRO_HOME"] = str(Path(name) / "home")
        write_clips(side, args, Path(name))
        rounds = []
        for number in range(1, args.rounds + 1):
            one = {who: alone(who, Path(name)) for who in ("theirs", "ours")}
            rounds.append(one)
            rates = {who: args.batch / seconds for who, (seconds, _) in one.items()}
            print(f"round {number}: theirs {rates['theirs']:.3g} clips/s, ours {rates['ours']:.3g} "
                  f"clips/s, load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
    for place, what in enumerate(("clips/s", "clips per second of processor time")):
        ratio = statistics.median(one["theirs"][place] / one["ours"][place] for one in rounds)
        print(f"ours over theirs, {what}: {ratio:.3f} (median of {len(rounds)} rounds)")


if __name__ == "__main__":
    main()
