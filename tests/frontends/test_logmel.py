"""librosa's log-Mel: by hand, against torchaudio's bank, and against torchlibrosa where it lies."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torchaudio.functional import melscale_fbanks

from repro.frontends.logmel import LogMel, reflected, slaney, to_hertz, to_mel
from tests.models.rivals.parts import close, noise

SIZES = [(32000, 64, 1024, 320, 50.0, 14000.0), (16000, 40, 512, 160, 0.0, 8000.0)]


def test_slaney_s_scale_by_hand() -> None:
    # 200/3 Hz are one mel up to 1 kHz; from there 27 mels are a factor of 6.4.
    assert [to_mel(f) for f in (0.0, 500.0, 1000.0, 6400.0)] == pytest.approx([0, 7.5, 15, 42])
    assert [to_hertz(m) for m in (0.0, 7.5, 15.0, 42.0)] == pytest.approx([0, 500, 1000, 6400])


def test_a_bank_by_hand() -> None:
    # Ends at 0, 200, 400 and 600 Hz (0, 3, 6, 9 mels), bins every 100 Hz up to 400: triangles with
    # peaks at 200 and 400 Hz, 400 Hz wide at the foot, so each is divided by 200 Hz.
    half, one = 0.5 / 200, 1 / 200
    expected = [[0, 0], [half, 0], [one, 0], [half, half], [0, one]]
    close(slaney(800, 8, 2, 0.0, 600.0), torch.tensor(expected, dtype=torch.float64))


def test_the_bank_is_torchaudio_s() -> None:
    for rate, mels, window, _, low, high in SIZES:
        theirs = melscale_fbanks(window // 2 + 1, low, high, mels, rate, "slaney", "slaney")
        ours = slaney(rate, window, mels, low, high).float()
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4 * float(theirs.max()))


def test_bands_above_half_the_rate_are_at_the_floor() -> None:
    # 50 Hz are 0.75 mels, 8 kHz 45.25, 14 kHz 53.39: 65 steps of 0.81, and the last nine bands
    # begin 55 to 63 of them up, at 45.29 mels and more.
    front = LogMel(rate=16000, frames=101, hop=160)
    made = front.features(noise(1, 16000), torch.tensor([16000]))[0]
    assert (made[:, 55:] == -100).all()
    assert (made[:, :55] > -100).all()


def test_frames_are_centred_and_the_ends_reflected() -> None:
    clips = torch.arange(1.0, 7).view(1, 6)
    assert reflected(clips, 2).tolist() == [[3, 2, 1, 2, 3, 4, 5, 6, 5, 4]]
    # A click lies in the frames whose centre is less than half a window away.
    click = torch.zeros(1, 320)
    click[0, 160] = 1
    front = LogMel(rate=16000, mels=4, frames=11, window=64, hop=32, high=8000.0)
    heard = front.features(click, torch.tensor([320]))[0] > -100
    assert heard.any(dim=1).nonzero().flatten().tolist() == [5]


def test_clips_are_cut_or_filled_with_silence_and_do_not_depend_on_their_companions() -> None:
    front, waves = LogMel(frames=11), noise(3, 5000)
    lengths = torch.tensor([5000, 3200, 1000])
    made = front.features(waves, lengths)
    assert made.shape == (3, *front.shape)
    for row, wave, length in zip(made, waves, lengths.tolist(), strict=True):
        alone = torch.zeros(1, 3200)
        alone[0, : min(length, 3200)] = wave[: min(length, 3200)]
        assert torch.equal(front.features(alone, torch.tensor([3200]))[0], row)
    assert (made[2, 5:] == -100).all()  # centred 600 samples and more behind the end
    assert torch.equal(front.normalise(made), made)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"window": 3}, "window = 3 is not an even number"),
        ({"frames": 2}, "frames = 2 is not a whole number of at least 3"),
        ({"low": 50.0, "high": 50.0}, "high = 50.0 are not 0 <= low < high"),
    ],
)
def test_impossible_settings_are_refused(args: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LogMel(**args)


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return torchlibrosa's layers; what numba compiles for librosa has no part in them."""
    folder = os.environ.get("REPRO_ORACLES", "")
    if not folder or not (Path(folder) / "torchlibrosa").is_dir():
        pytest.skip("torchlibrosa is not in the folder that REPRO_ORACLES names (.ci/run makes it)")

    def plain(*given: Any, **_: Any) -> Any:
        return given[0] if given and callable(given[0]) else plain

    numba = ModuleType("numba")
    vars(numba).update(dict.fromkeys(("jit", "stencil", "vectorize", "guvectorize"), plain))
    monkeypatch.setitem(sys.modules, "numba", numba)
    monkeypatch.setattr(sys, "path", [*sys.path, folder])
    return importlib.import_module("torchlibrosa.stft")


@pytest.mark.parametrize(("rate", "mels", "window", "hop", "low", "high"), SIZES)
def test_torchlibrosa_gives_the_same(
    public: ModuleType, rate: int, mels: int, window: int, hop: int, low: float, high: float
) -> None:
    spectra = public.Spectrogram(window, hop, window, "hann", center=True, pad_mode="reflect")
    decibels = public.LogmelFilterBank(
        rate, window, mels, low, high, ref=1.0, amin=1e-10, top_db=None
    )
    waves = 0.1 * noise(2, 20 * hop)
    theirs: Tensor = decibels(spectra(waves))[:, 0]
    front = LogMel(rate, mels, 21, window, hop, low, high)
    close(front.features(waves, torch.tensor([20 * hop, 20 * hop])), theirs)
    close(front.banks, decibels.melW)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_agrees_with_cpu_and_with_itself() -> None:
    waves, lengths = 0.1 * noise(3, 16000), torch.tensor([16000, 9000, 0])
    front = LogMel(frames=51, device="cuda")
    first = front.features(waves.cuda(), lengths)
    assert torch.equal(first, front.features(waves.cuda(), lengths))
    assert torch.allclose(first.cpu(), LogMel(frames=51).features(waves, lengths), atol=1e-2)
