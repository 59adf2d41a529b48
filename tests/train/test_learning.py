"""Each model learns an easy set of the user's own, and GAFX's pretraining what spectra look like.

Four classes of half a second: a low tone, a high tone, a rising sweep, pulses of a middle tone;
each clip with its own pitch, loudness and phase, in white noise. Settings are the demo's but for
what `SETTINGS` changes; every network starts at random. One that has learnt nothing gives a
quarter.
"""

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from repro.data import sources
from repro.data.clips import select
from repro.data.own import adding
from repro.train import batches, determinism, tasks
from repro.train.feed import Feed
from tests import tiny
from tests.train.learning import planned, trained

pytestmark = pytest.mark.slow

RATE, SAMPLES = 16000, 8000
CLASSES = ("low", "high", "rising", "pulses")
CLIPS = {"train": 200, "valid": 20, "test": 80}


def clip(kind, rng):
    """Return a clip of a class, float (samples,)."""
    time = np.arange(SAMPLES) / RATE
    turns = {
        "low": time * rng.uniform(350, 450),
        "high": time * rng.uniform(1800, 2200),
        "rising": 300 * time + 2700 * time**2,  # from 300 to 3000 Hz
        "pulses": time * rng.uniform(900, 1100),
    }[kind]
    tone = rng.uniform(0.3, 0.6) * np.sin(2 * np.pi * (turns + rng.uniform()))
    tone += rng.normal(0, 0.05, SAMPLES)
    return tone * (8 * time % 1 < 0.5) if kind == "pulses" else tone


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a home that knows the easy set."""
    folder = tmp_path_factory.mktemp("easy")
    home, audio = tiny.home(folder / "home"), folder / "audio"
    audio.mkdir()
    rng, lines = np.random.default_rng(0), ["path,label,split"]
    for part, count in CLIPS.items():
        for number in range(count):
            kind, name = CLASSES[number % len(CLASSES)], f"{part}-{number:03d}.wav"
            soundfile.write(audio / name, clip(kind, rng), RATE, subtype="PCM_16")
            lines.append(f"{name},{kind},{part}")
    (folder / "easy.csv").write_text("\n".join(lines) + "\n")
    adding.add("easy", audio, folder / "easy.csv", home.data)
    sources.add("easy", audio, home.data)
    determinism.set_up(1)  # more threads only wait for each other in networks this small
    return home


# The demos have up to 1,050 clips; here the steps come from smaller batches, at rates that do not
# fall before the end. Half a second of clip needs no more input than this.
AST = {"batch": 5, "optimizer": {"lr": 5e-4}, "schedule": {"at": [6], "warmup_steps": 10}}
GAFX = {"clips": CLIPS, "frontend": {"length": 11200}, "recipe": {**AST, "epochs": 7}}
SETTINGS = {
    ("asmrh-speechcommands", "asm", "speechcommands"): {
        "frontend": {"frames": 64},
        "recipe": {"batch": 8, "optimizer": {"lr": 1e-3}},
    },
    ("asmrh-speechcommands", "asm-rh", "speechcommands"): {
        "frontend": {"frames": 64},
        "recipe": {"batch": 8, "epochs": 12, "optimizer": {"lr": 1e-3}, "schedule": {"start": 12}},
    },
    ("m3net-speechcommands", "m3net-1s", "scratch"): {"recipe": {"batch": 16}},
    ("m3net-urbansound8k", "phinets-m40", "phinets/released"): {"recipe": {"batch": 10}},
    ("m3net-speechcommands", "delores-m", "delores/released"): {
        "frontend": {"frames": 48},
        "recipe": {"batch": 10},
    },
    ("m3net-speechcommands", "dcls-delays", "dcls/released"): {
        "frontend": {"frames": 48},
        "recipe": {"batch": 10},
    },
    ("m3net-speechcommands", "adaptformer", "adaptformer/adapters"): {
        "frontend": {"frames": 64},
        "recipe": {**AST, "schedule": {"warmup_steps": 10}, "epochs": 8},
    },
    ("m3net-speechcommands", "seqboat", "seqboat/released"): {
        "frontend": {"rate": 8000},
        "recipe": {"batch": 10},
    },
    ("asmrh-ravdess", "erann-1-3", "erann/ravdess"): {
        "frontend": {"frames": 48},
        "recipe": {"batch": 10, "epochs": 3},
    },
    ("eat-esc50", "envnet-v2", "envnet/released"): {
        "clips": CLIPS,
        "recipe": {"batch": 10, "pieces": 1},
    },
    ("eat-esc50", "cnn14", "cnn14/released"): {
        "clips": CLIPS,
        "frontend": {"frames": 64},
        "recipe": {"batch": 10, "epochs": 10, "optimizer": {"lr": 1e-3}},
    },
    ("eat-esc50", "passt-s", "passt/released"): {
        "clips": CLIPS,
        "frontend": {"frames": 64},
        "recipe": {"batch": 5, "epochs": 8},
    },
    ("eat-urbansound8k", "esresnet-att", "esresnet/urbansound8k"): {
        "clips": CLIPS,
        "frontend": {"rate": 16000},
        "recipe": {"batch": 10, "epochs": 8, "optimizer": {"lr": 1e-3}},
    },
    ("eat-speechcommands", "htsat-speechcommands", "htsat/speechcommands"): {
        "frontend": {"frames": 51},  # half a second: beside -100 dB of silence all sounds are alike
        "recipe": {"batch": 10, "epochs": 3},
    },
    ("gafx-genre", "clmr-probe", "clmr/probe"): {"clips": CLIPS, "frontend": {"length": 6561}},
    ("gafx-baseline", "ast-ti", "baseline"): {
        "frontend": {"frames": 64},
        "recipe": {**AST, "epochs": 7},
    },
    ("gafx-extractors", "gafx-r", "extractors"): GAFX,
    ("gafx-extractors", "gafx-a", "extractors"): GAFX,
    ("gafx-extractors", "gafx-u", "unet"): {
        **GAFX,
        "frontend": {"length": 8192},
        "recipe": {**AST, "epochs": 12, "schedule": {"at": [11], "warmup_steps": 10}},
    },
    ("eat-speechcommands", "eat-s-16k", "speechcommands"): {"recipe": {"batch": 10, "epochs": 6}},
}
BOUND = 0.8


@pytest.mark.parametrize("which", SETTINGS, ids=lambda which: which[1])
def test_each_model_learns_an_easy_set(home, which):
    run = planned(*which, home, SETTINGS[which], audio="local", on="easy")
    record = trained(run, home, 1)
    measured = record.part("test").plain()

    assert record.clips_used == CLIPS
    assert measured["n"] == 80
    assert measured["accuracy"] >= BOUND, measured


@pytest.mark.parametrize("system", ["gafx-r-pretraining", "gafx-a-pretraining"])
def test_pretraining_gives_more_than_the_mean_spectrogram(home, system):
    run = planned("gafx-pretraining", system, "pretraining", home, GAFX, audio="local", on="easy")
    record = trained(run, home, 1)
    losses = [row.loss for row in record.epochs()]
    chosen = select(run.clips, home.data)
    task, _ = tasks.build(run.resolved, run.clips, chosen, "cpu", home, lambda event: None)
    feed = Feed(task)

    def targets(part):
        fed = feed.stream(part, feed.in_order(part))
        return torch.cat([batches.spectrogram_batch(task, feed, *given)[1] for _, *given in fed])

    seen, unseen = targets(task.train), targets(task.test)  # (clips, 56 steps, 128 bins)
    assert unseen.shape == (80, 56, 128)
    mean = seen.mean(dim=0).expand_as(unseen)  # of each step and bin: more than one number
    without_input = float(nn.functional.binary_cross_entropy(mean, unseen))
    assert losses[-1] < losses[0]
    assert record.part("test").loss < without_input - 0.01
