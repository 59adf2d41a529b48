"""Front ends that keep samples: lengths, peaks, and EAT's phase and magnitude waveforms."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from repro.frontends.waveforms import Phase, Waveform, samples_of

SAMPLES = 2048


def noise(clips: int, samples: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(clips, samples, generator=generator) * 1.8 - 0.9


def full(x: Tensor) -> Tensor:
    return torch.full((len(x),), x.shape[1])


def phase(content: str = "phase", samples: int = SAMPLES, window: int = 256, hop: int = 64,
          sign: int = -1) -> Phase:  # fmt: skip
    return Phase(1.0, 16000, samples, content=content, window=window, hop=hop, phase_sign=sign)


# --- lengths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "rate", "multiple", "samples"),
    [
        (5, 22050, 8192, 114688),  # EAT on ESC-50: 110,250 -> 14 x 8192
        (4, 22050, 8192, 90112),
        (10, 22050, 8192, 221184),
        (1, 16000, 8192, 16384),
        (1.024, 16000, 8192, 16384),  # exactly two of them
        (4.1, 16000, 1, 65600),
        (1.1, 22050, 1, 24255),  # as floats 24255.000000000004
        (2.2, 44100, 441, 97020),
        (0.1, 22050, 1, 2205),
        (0.00001, 16000, 64, 64),
    ],
)
def test_length_follows_from_the_clips_of_the_set(
    seconds: float, rate: int, multiple: int, samples: int
) -> None:
    assert samples_of(seconds, rate, multiple) == samples
    assert Waveform(seconds, rate, multiple=multiple).shape == (1, samples)


@given(st.integers(1, 10**6), st.integers(1, 48000), st.integers(1, 10000))
def test_length_is_the_least_multiple_that_holds_the_clip(
    ms: int, rate: int, multiple: int
) -> None:
    samples = samples_of(ms / 1000, rate, multiple)
    assert samples % multiple == 0
    assert (samples - multiple) * 1000 < ms * rate <= samples * 1000


def test_a_given_length_goes_before() -> None:
    assert Waveform(5, 22050, length=661600, multiple=8192).samples == 661600
    assert Waveform(math.nan, length=100).samples == 100


@pytest.mark.parametrize("seconds", [0, -1.0, math.inf, math.nan])
def test_no_length_from_impossible_seconds(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"seconds = .* is not a length"):
        Waveform(seconds)


# --- waveforms ------------------------------------------------------------------------------------


def test_clips_are_scaled_cut_and_padded_over_their_own_samples() -> None:
    nan = float("nan")
    waves = torch.tensor(
        [
            [0.1, -0.2, nan, nan, nan],  # short: zeros at the end, whatever was there
            [0.1, 0.2, 0.3, 0.4, -0.8],  # long: the peak is of the whole clip, 0.8
            [0.0, 0.0, 0.0, 0.0, 0.0],  # silent: stays
            [nan, nan, nan, nan, nan],  # empty
        ]
    )
    front = Waveform(1.0, length=4, peak=0.5)
    got = front.features(waves, torch.tensor([2, 5, 5, 0]))
    expected = torch.tensor(
        [
            [0.25, -0.5, 0.0, 0.0],
            [0.0625, 0.125, 0.1875, 0.25],
            [0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
        ]
    )
    assert torch.allclose(got, expected, rtol=1e-6, atol=0)


def test_without_a_peak_the_samples_stay_to_the_bit() -> None:
    x = noise(3, 50)
    assert torch.equal(Waveform(1.0, length=40).features(x, full(x)), x[:, :40])
    assert torch.equal(Waveform(1.0, length=60).features(x, full(x))[:, :50], x)


def test_no_clips_and_no_samples() -> None:
    front = Waveform(1.0, length=8, peak=0.95)
    assert front.features(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64)).shape == (0, 8)
    assert (front.features(torch.zeros(2, 0), torch.zeros(2, dtype=torch.int64)) == 0).all()


def test_companions_do_not_matter_and_the_input_is_left_alone() -> None:
    x, lengths = noise(4, 300), torch.tensor([300, 20, 150, 1])
    before, front = x.clone(), Waveform(1.0, length=200, peak=0.95)
    together = front.features(x, lengths)
    assert torch.equal(x, before)
    for i, samples in enumerate(lengths.tolist()):
        alone = front.features(x[i : i + 1, :samples], lengths[i : i + 1])
        assert torch.equal(alone[0], together[i])
        assert together[i].abs().max() == pytest.approx(0.95, rel=1e-6) or samples > 200


def test_channels_repeat_the_clip() -> None:
    x = noise(3, 40)
    made = Waveform(1.0, length=40, channels=2).normalise(x)
    assert torch.equal(made, torch.stack([x, x], dim=1))
    assert torch.equal(Waveform(1.0, length=40).normalise(x), x[:, None])


@pytest.mark.parametrize("kind", [Waveform, Phase])
def test_impossible_input_is_refused(kind: type[Waveform]) -> None:
    front = kind(1.0, length=2048)
    with pytest.raises(ValueError, match="float32"):
        front.features(torch.zeros(1, 16, dtype=torch.int16), torch.tensor([16]))
    with pytest.raises(ValueError, match="17 samples does not fit waveforms of 16"):
        front.features(torch.zeros(1, 16), torch.tensor([17]))


# --- phase and magnitude --------------------------------------------------------------------------


def test_an_impulse_by_hand() -> None:
    # Window 4 is 0, 1/2, 1, 1/2; frames every 2 samples, centred on 0, 2, 4, 6. An impulse on
    # sample 3 stands in frame 1 (samples 0 to 3) as its n = 3 and in frame 2 (2 to 5) as n = 1.
    # exp(j phi) are impulses there: 1/2 + 1/2 over 1/4 + 1/4 gives 2 on sample 3. exp(-j phi) are
    # impulses on -n: n = 1 of frame 1 (sample 1) and n = 3 of frame 2 (sample 5), 1/2 over 1/2.
    x = torch.zeros(1, 6)
    x[0, 3] = 0.25
    towards = phase(samples=6, window=4, hop=2, sign=1).normalise(x)
    against = phase(samples=6, window=4, hop=2, sign=-1).normalise(x)
    assert torch.allclose(towards, torch.tensor([[[0.0, 0, 0, 2, 0, 0]]]), atol=1e-6)
    assert torch.allclose(against, torch.tensor([[[0.0, 1, 0, 0, 0, 1]]]), atol=1e-6)


def test_the_magnitude_of_a_constant_by_hand() -> None:
    # A frame of ones is 0, 1/2, 1, 1/2; |X| = 2, 1, 0, whose inverse is 1, 1/2, 0, 1/2. Windowed it
    # is 0, 1/4, 0, 1/4: on even samples 0, on odd ones 1/4 + 1/4 over 1/4 + 1/4.
    made = phase("magnitude", samples=12, window=4, hop=2).normalise(torch.ones(1, 12))
    inner = made[0, 0, 2:9]
    assert torch.allclose(inner, torch.tensor([0.0, 1, 0, 1, 0, 1, 0]), atol=1e-6)


@pytest.mark.parametrize(("window", "hop"), [(256, 64), (256, 128), (128, 16), (512, 64)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_equations_2_and_3_as_torch_computes_them(window: int, hop: int, sign: int) -> None:
    x = noise(3, SAMPLES)
    shape = {"n_fft": window, "hop_length": hop, "window": torch.hann_window(window)}
    spectra = torch.stft(x, **shape, center=True, pad_mode="constant", return_complex=True)
    angle = torch.angle(spectra)
    parts = [torch.polar(torch.ones_like(angle), sign * angle), spectra.abs().to(torch.complex64)]
    expected = torch.stack([torch.istft(part, **shape, length=SAMPLES) for part in parts], dim=1)
    front = phase("phase+magnitude", window=window, hop=hop, sign=sign)
    assert torch.allclose(front.normalise(x), expected, atol=1e-6)
    for channel, content in enumerate(["phase", "magnitude"]):
        alone = phase(content, window=window, hop=hop, sign=sign).normalise(x)
        assert torch.equal(alone[:, 0], front.normalise(x)[:, channel])


@pytest.mark.parametrize("samples", [SAMPLES, 2000, 2049, 37])
@pytest.mark.parametrize(("window", "hop"), [(256, 64), (256, 100), (255, 60), (100, 50), (2, 1)])
def test_phase_and_magnitude_recombine(samples: int, window: int, hop: int) -> None:
    x = noise(2, samples)
    front = phase(samples=samples, window=window, hop=hop)
    # Every sample is within a quarter of the window of a centre, where a Hann window is 1/2.
    assert front.envelope.min() > 0.2
    spectra = front.spectra(x)
    filters = front._filter(spectra)
    assert torch.allclose(filters.abs()[spectra != 0], torch.tensor(1.0))
    magnitude = spectra * filters  # equation 3
    assert torch.allclose(magnitude.real, spectra.abs(), atol=1e-5)
    assert torch.allclose(magnitude.imag, torch.zeros(()), atol=1e-5)
    assert torch.allclose(front.inverse(magnitude * filters.conj()), x, atol=1e-5)


def test_the_phase_waveform_has_no_level_and_the_magnitude_waveform_no_sign() -> None:
    x = noise(2, SAMPLES)
    front = phase("phase+magnitude")
    made, quiet, turned = (front.normalise(y) for y in (x, x / 8, -x))
    assert torch.allclose(quiet[:, 0], made[:, 0], atol=1e-6)
    assert torch.allclose(quiet[:, 1], made[:, 1] / 8, atol=1e-6)
    assert torch.allclose(turned[:, 0], -made[:, 0], atol=1e-6)
    assert torch.allclose(turned[:, 1], made[:, 1], atol=1e-6)


def test_silence_stays_silent() -> None:
    front = Phase(1.0, length=SAMPLES, peak=0.95, content="phase+magnitude", window=256, hop=64)
    waves = torch.zeros(2, SAMPLES)
    waves[1, :500] = noise(1, 500)[0]
    made = front.normalise(front.features(waves, torch.tensor([SAMPLES, 500])))
    assert (made[0] == 0).all()
    assert made.isfinite().all()
    assert (made[1, :, :500] != 0).any(dim=1).all()
    # The last frame that reaches the clip is centred on 576; from 704 on no frame has any sample.
    assert (made[1, :, 704:] == 0).all()


@pytest.mark.parametrize(("samples", "window"), [(SAMPLES, 256), (2049, 255), (37, 100)])
def test_companions_do_not_matter_to_the_phase(samples: int, window: int) -> None:
    x = noise(5, samples)
    front = phase("phase+magnitude", samples=samples, window=window, hop=50)
    together = front.normalise(x)
    for i in range(5):
        assert torch.equal(front.normalise(x[i : i + 1])[0], together[i])


def test_no_operation_without_a_deterministic_kernel() -> None:
    called = set()

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            called.add(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    front = Phase(1.0, length=SAMPLES, peak=0.95, content="phase+magnitude", window=256, hop=100)
    with Watch():
        front.normalise(front.features(noise(2, 900), torch.tensor([900, 20])))
    assert "_fft_r2c" in called
    listed = ("reflection", "index_add", "scatter", "index_put", "col2im", "unfold_backward", "put")
    assert not [name for name in called for word in listed if word in name]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("content", ["phase", "magnitude", "phase+magnitude"])
def test_gpu_agrees_with_cpu_and_with_itself(content: str) -> None:
    x, lengths = noise(4, 20000), torch.tensor([20000, 500, 0, 16384])
    settings = {"length": 16384, "peak": 0.95, "content": content}
    here, there = Phase(1.0, **settings), Phase(1.0, **settings, device="cuda")
    torch.use_deterministic_algorithms(True)
    try:
        made = [there.normalise(there.features(x.cuda(), lengths)) for _ in range(2)]
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(*made)
    assert torch.allclose(made[0].cpu(), here.normalise(here.features(x, lengths)), atol=1e-3)
    plain = Waveform(1.0, length=16384, peak=0.95, channels=2)
    on_device = plain.normalise(plain.features(x.cuda(), lengths))
    assert torch.allclose(on_device.cpu(), plain.normalise(plain.features(x, lengths)), atol=1e-6)
