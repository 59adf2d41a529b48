"""Two ways to the same sum: torchaudio's filters by phase, and output by output for odd rates."""

import math
import tracemalloc

import numpy as np
import pytest
import soundfile
import torch
from torchaudio import functional

from repro.data.decoding import resampling
from repro.data.decoding.decode import UndecodableError, decode

USUAL = [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000]
ODD = [44101, 47777, 9973, 15991, 22051, 65537, 16001]


def reduced(own, rate):
    return own // math.gcd(own, rate), rate // math.gcd(own, rate)


@pytest.mark.parametrize("rate", [16000, 22050])
def test_both_ways_give_the_same_numbers(rate):
    noise = np.random.default_rng(rate).uniform(-1, 1, 1013)
    for own in sorted({*USUAL, 8020} - {rate}):
        phases = resampling._by_phases(noise, own, rate)
        outputs = resampling.by_outputs(noise, *reduced(own, rate))
        assert len(outputs) == len(phases) == math.ceil(len(noise) * rate / own)
        assert np.abs(outputs - phases).max() < 1e-12, own


def test_usual_rates_are_torchaudios_to_the_bit():
    noise = np.random.default_rng(1).uniform(-1, 1, 1001).astype(np.float32)
    for own in USUAL:
        for rate in (16000, 22050, 32000):
            if own != rate:
                wave = torch.from_numpy(noise.astype(np.float64))
                known = functional.resample(wave, own, rate, lowpass_filter_width=6, rolloff=0.99,
                                            resampling_method="sinc_interp_hann")  # fmt: skip
                assert np.array_equal(resampling.resample(noise, own, rate), known.numpy())


@pytest.mark.parametrize("own", ODD)
def test_an_odd_rate_is_resampled_within_bounds(tmp_path, own):
    """A prime rate has 16,000 phases of as many values as the rate; the tone is the same tone."""
    time = np.arange(own) / own
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 1000 * time), own, subtype="FLOAT")
    tracemalloc.start()
    samples = decode(tmp_path / "a.wav", 16000) / 32768
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    assert len(samples) == 16000
    assert np.abs(samples - expected)[200:-200].max() < 0.004
    assert peak < 100e6, "bytes"


def test_a_rate_that_would_make_a_clip_endless_is_refused_by_name(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(16000, np.int16), 1)
    with pytest.raises(UndecodableError, match="too long at 16,000 Hz for a rate of 1 Hz"):
        decode(tmp_path / "a.wav", 16000)
