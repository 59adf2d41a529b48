import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from repro.data import generated, guards, manifest, protocols
from repro.data.waveforms import chirps

NAME = "speech_commands_v2_35"
COUNTS = {"train": 350, "valid": 35, "test": 175}
RATE = 16000


@pytest.fixture(scope="module")
def made():
    return generated.manifest(NAME, COUNTS)


@pytest.fixture(scope="module")
def waves(made):
    return {c.id: chirps.waveform(c, made.classes, RATE, 1.0) for c in made.clips}


def test_the_manifest_has_the_datasets_shape(made):
    assert made.counts() == COUNTS
    assert made.classes == manifest.load(NAME).classes
    assert all(clip.id.startswith(f"generated/{clip.label}/{clip.group}_") for clip in made.clips)
    (split,) = protocols.splits(made, "official")
    assert guards.guards([split], made.classes) == []
    assert 35 <= len({clip.group for clip in made.clips}) <= 45
    per_class = [sum(c.label == label for c in split.train) for label in made.classes]
    assert set(per_class) == {10}
    for label in made.classes:  # no class is one speaker's
        assert len({clip.group for clip in split.train if clip.label == label}) == 10


def test_few_clips_and_other_parts_work_too():
    folds = generated.manifest(NAME, {"1": 3, "2": 40})
    assert folds.counts() == {"1": 3, "2": 40}
    assert len(folds.classes) == 35
    assert not {c.group for c in folds.clips if c.part == "1"} & {
        c.group for c in folds.clips if c.part == "2"
    }


def test_clips_are_int16_of_varying_length_and_level(waves):
    lengths = np.array([len(x) for x in waves.values()])
    assert lengths.min() >= 0.8 * RATE
    assert lengths.max() <= RATE
    assert len(np.unique(lengths)) > 100
    levels = np.array([20 * np.log10(np.sqrt(np.mean((x / 32768.0) ** 2))) for x in waves.values()])
    assert all(x.dtype == np.int16 and x.ndim == 1 for x in waves.values())
    assert -36 < levels.min() < -30
    assert -22 < levels.max() < -16
    assert all(np.abs(x.astype(int)).max() < 32767 for x in waves.values()), "clipped"


def test_length_follows_seconds_and_rate(made):
    clip = made.clips[0]
    one = len(chirps.waveform(clip, made.classes, 16000, 1.0))
    assert len(chirps.waveform(clip, made.classes, 32000, 1.0)) == pytest.approx(2 * one, abs=1)
    assert len(chirps.waveform(clip, made.classes, 16000, 10.0)) == pytest.approx(10 * one, abs=9)


def test_a_clip_of_two_labels_holds_both_patterns(made):
    """Least squares finds each single pattern, by one speaker and start, in the mixture."""
    one, two, other = made.classes[:3]
    clip = made.clips[0]

    def spectrum(label):
        wave = chirps.waveform(clip._replace(label=label), made.classes, RATE, 1.0)
        power = np.abs(np.fft.rfft(wave / 32768.0)) ** 2
        return power / power.sum()

    parts = np.stack([spectrum(one), spectrum(two), spectrum(other)], axis=1)
    weights = np.linalg.lstsq(parts, spectrum(f"{one};{two}"), rcond=None)[0]
    assert weights[0] > 0.2
    assert weights[1] > 0.2
    assert abs(weights[2]) < 0.1


SCRIPT = """
import hashlib
from repro.data import generated
from repro.data.waveforms import chirps
made = generated.manifest("speech_commands_v2_35", {"train": 350, "valid": 35, "test": 175})
digest = hashlib.sha256(made.digest.encode())
for clip in made.clips[::-50]:
    digest.update(chirps.waveform(clip, made.classes, 16000, 1.0).tobytes())
print(digest.hexdigest())
"""


def test_another_process_makes_the_same_bytes(made, waves, tmp_path):
    digest = hashlib.sha256(made.digest.encode())
    for clip in made.clips[::-50]:
        digest.update(waves[clip.id].tobytes())
    there = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == digest.hexdigest()


def features(wave):
    """Return mean and sd over time of a log spectrum in 32 bands, its overall level taken out."""
    starts = np.arange(0, len(wave) - 400, 160)
    frames = wave.astype(float)[starts[:, None] + np.arange(400)] * np.hanning(400)
    power = np.abs(np.fft.rfft(frames, 512)) ** 2
    edges = np.unique(np.geomspace(4, 256, 33).astype(int))
    bands = np.log(np.add.reduceat(power, edges[:-1], axis=1) + 1)
    bands -= bands.mean()
    return np.concatenate([bands.mean(axis=0), bands.std(axis=0)])


def accuracy(made, inputs):
    part = np.array([clip.part for clip in made.clips])
    labels = np.array([clip.label for clip in made.clips])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200))
    model.fit(inputs[part == "train"], labels[part == "train"])
    return model.score(inputs[part == "test"], labels[part == "test"])


def test_held_out_speakers_are_recognised_but_not_perfectly(made, waves):
    """Chance is 1/35 = 0.029."""
    inputs = np.stack([features(waves[clip.id]) for clip in made.clips])
    assert 0.4 < accuracy(made, inputs) < 0.9


def test_loudness_and_length_alone_say_next_to_nothing(made, waves):
    """At chance (5 of 175 expected), 14 or more right have a probability below 0.001."""
    plain = [waves[clip.id] for clip in made.clips]
    level = np.array([np.log(np.mean(x.astype(float) ** 2)) for x in plain])
    length = np.array([len(x) for x in plain])
    assert accuracy(made, np.stack([level, length], axis=1)) < 14 / 175
