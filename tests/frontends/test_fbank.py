"""The batched front end against torchaudio's Kaldi filter bank, clip by clip, to the bit."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor
from torchaudio.compliance import kaldi

from repro.frontends import fbank
from repro.frontends.fbank import Fbank, build, centre

TABLES = Path(__file__).resolve().parents[2] / "tables"
FLOOR = float(torch.log(torch.tensor(torch.finfo(torch.float32).eps)))
MIXED_LENGTHS = [16000, 0, 40007, 400, 160000, 399, 15999, 1, 64000, 559, 560, 1839, 80013, 2000]


@pytest.fixture(params=[1, 2], ids=["1-thread", "2-threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def clip(samples: int, seed: int) -> Tensor:
    """Draw an int16 clip as stored: a few tones, coloured noise and an offset; as float32."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / 16000
    tones = sum(np.sin(2 * np.pi * f * time) for f in rng.uniform(50, 7000, 3))
    noise = np.cumsum(rng.normal(size=samples)) * 0.05 if samples else time
    wave = (tones + noise) * rng.uniform(100, 6000) + rng.uniform(-2000, 2000)
    stored = np.clip(wave, -32768, 32767).astype(np.int16)
    return torch.from_numpy(stored).float() / 32768


def stack(clips: list[Tensor], filler: float = 0.0) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(wave) for wave in clips])
    batch = torch.full((len(clips), int(lengths.max())), filler)
    for row, wave in zip(batch, clips, strict=True):
        row[: len(wave)] = wave
    return batch, lengths


def reference(
    wave: Tensor, frames: int, rate: int = 16000, mels: int = 128, shift_ms: float = 10
) -> Tensor:
    """Compute one clip's features as AST's data loader does."""
    out = torch.zeros(frames, mels)
    if len(wave) < int(rate * 0.025):
        return out
    features = kaldi.fbank(
        (wave - wave.mean())[None],
        htk_compat=True,
        sample_frequency=rate,
        use_energy=False,
        window_type="hanning",
        num_mel_bins=mels,
        dither=0.0,
        frame_shift=shift_ms,
    )[:frames]
    out[: len(features)] = features
    return out


def references(clips: list[Tensor], frames: int) -> Tensor:
    return torch.stack([reference(wave, frames) for wave in clips])


@pytest.mark.parametrize("frames", [512, 1024])
def test_mixed_lengths_equal_kaldi_to_the_bit(threads: int, frames: int) -> None:
    clips = [clip(samples, seed) for seed, samples in enumerate(MIXED_LENGTHS)]
    features = Fbank(frames=frames).features(*stack(clips))
    assert torch.equal(features, references(clips, frames))


@pytest.mark.parametrize("seconds", range(1, 11))
def test_whole_seconds_equal_kaldi_to_the_bit(threads: int, seconds: int) -> None:
    clips = [clip(16000 * seconds, seed) for seed in range(2)]
    features = Fbank(frames=1024).features(*stack(clips))
    assert torch.equal(features, references(clips, 1024))


def test_any_length_from_one_to_ten_seconds_equals_kaldi_to_the_bit(threads: int) -> None:
    samples = np.random.default_rng(threads).integers(16000, 160001, 12)
    clips = [clip(int(n), seed) for seed, n in enumerate(samples)]
    features = Fbank(frames=1024).features(*stack(clips))
    assert torch.equal(features, references(clips, 1024))


def test_a_batch_of_many_blocks_equals_kaldi_to_the_bit(threads: int) -> None:
    clips = [clip(16000, seed) for seed in range(24)]
    assert torch.equal(Fbank().features(*stack(clips)), references(clips, 512))


@pytest.mark.parametrize(
    ("rate", "mels"), [(8000, 32), (8000, 40), (16000, 64), (22050, 64), (44100, 128)]
)
def test_other_rates_equal_kaldi_to_the_bit(rate: int, mels: int) -> None:
    clips = [clip(samples, seed) for seed, samples in enumerate([rate, 2 * rate + 17, rate // 2])]
    features = Fbank(rate=rate, mels=mels, frames=256).features(*stack(clips))
    expected = torch.stack([reference(wave, 256, rate, mels) for wave in clips])
    assert torch.equal(features, expected)


def test_a_hop_in_samples_equals_kaldi_to_the_bit(threads: int) -> None:
    clips = [clip(samples, seed) for seed, samples in enumerate([110250, 551, 550, 30011])]
    features = Fbank(rate=22050, frames=600, hop=200).features(*stack(clips))
    # Kaldi takes milliseconds and rounds down: half a sample more makes sure of 200.
    shift_ms = 200.5 / 22.05
    expected = torch.stack([reference(wave, 600, 22050, shift_ms=shift_ms) for wave in clips])
    assert torch.equal(features, expected)
    own_frames = (features != 0).any(dim=2).sum(dim=1)
    assert own_frames.tolist() == [1 + (110250 - 551) // 200, 1, 0, 1 + (30011 - 551) // 200]


@pytest.mark.data
def test_real_clips_equal_kaldi_to_the_bit(shared_data: Path) -> None:
    files = sorted((shared_data / "audio" / "speech_commands_v0.02").rglob("*.flac"))[::20]
    assert len(files) > 20
    clips = [torch.from_numpy(soundfile.read(f, dtype="int16")[0]).float() / 32768 for f in files]
    assert torch.equal(Fbank().features(*stack(clips)), references(clips, 512))


def test_companions_and_position_do_not_matter() -> None:
    clips = [clip(samples, seed) for seed, samples in enumerate(MIXED_LENGTHS)]
    front_end = Fbank()
    together = front_end.features(*stack(clips))
    for index in (0, 2, 3, 8, 13):
        alone = front_end.features(*stack([clips[index]]))
        assert torch.equal(alone[0], together[index])
    order = torch.randperm(len(clips), generator=torch.Generator().manual_seed(0))
    shuffled = front_end.features(*stack([clips[i] for i in order.tolist()]))
    assert torch.equal(shuffled, together[order])


def test_what_lies_beyond_a_clip_does_not_matter() -> None:
    clips = [clip(samples, seed) for seed, samples in enumerate(MIXED_LENGTHS)]
    front_end = Fbank()
    clean = front_end.features(*stack(clips))
    assert torch.equal(front_end.features(*stack(clips, filler=float("nan"))), clean)


@pytest.mark.parametrize(("seconds", "frames"), [(1, 98), (4, 398), (5, 498), (10, 998)])
def test_frame_count_and_exact_zeros_beyond_it(seconds: int, frames: int) -> None:
    features = Fbank(frames=1024).features(*stack([clip(16000 * seconds, 0)]))[0]
    assert (features[:frames] != 0).any(dim=1).all()
    assert (features[frames:] == 0).all()


def test_a_1_khz_tone_peaks_where_the_mel_scale_puts_it() -> None:
    # mel(f) = 1127 ln(1 + f/700): 20 Hz is 31.7, 8 kHz 2840.0, so 129 steps of 21.77; 1 kHz is
    # 1000.0, that is 44.5 steps above 20 Hz. Bin i peaks i + 1 steps up: 43 and 44 are nearest.
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16000) / 16000)[None]
    peaks = Fbank().features(tone, torch.tensor([16000]))[0, :98].argmax(dim=1)
    assert set(peaks.tolist()) <= {43, 44}


def test_silence_is_the_floor_and_short_clips_are_padding() -> None:
    features = Fbank().features(torch.zeros(3, 16000), torch.tensor([16000, 399, 0]))
    assert (features[0, :98] == FLOOR).all()
    assert (features[1:] == 0).all()
    assert Fbank().features(torch.zeros(0, 16000), torch.zeros(0, dtype=torch.int64)).shape == (
        0,
        512,
        128,
    )
    assert (Fbank().features(torch.ones(2, 10), torch.tensor([10, 3])) == 0).all()


def test_the_gpu_s_path_agrees_with_kaldi(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [clip(samples, seed) for seed, samples in enumerate(MIXED_LENGTHS)]
    batch, lengths = stack(clips, filler=float("nan"))
    own = fbank.inside(batch, lengths)
    means = fbank._means_together(batch, own)
    expected = [wave.double().mean().float() for wave in clips if len(wave)]
    assert torch.equal(means[lengths > 0], torch.stack(expected))
    monkeypatch.setattr(Fbank, "_mel_each", Fbank._mel_together)
    features = Fbank(frames=512).features(batch, lengths)
    expected_features = references(clips, 512)
    assert torch.allclose(features, expected_features, atol=1e-4)
    assert torch.equal(features == 0, expected_features == 0)


def test_normalise_is_asts() -> None:
    front_end = Fbank()
    # AST's mean maps to 0, one standard deviation above it to 1/2, padding to 6.845978 / 11.1309.
    x = torch.tensor([-6.845978, -6.845978 + 5.5654526, 0.0])
    assert torch.allclose(front_end.normalise(x), torch.tensor([0.0, 0.5, 0.61504]), atol=1e-5)
    assert torch.equal(front_end.normalise(x), (x + 6.845978) / (5.5654526 * 2))


def test_autocast_and_strict_determinism_leave_the_bits_alone() -> None:
    batch, lengths = stack([clip(16000, 0), clip(20000, 1)])
    plain = Fbank().features(batch, lengths)
    torch.use_deterministic_algorithms(True)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features = Fbank().features(batch, lengths)
    finally:
        torch.use_deterministic_algorithms(False)
    assert features.dtype == torch.float32
    assert torch.equal(features, plain)


def test_the_input_is_left_alone() -> None:
    batch, lengths = stack([clip(16000, 0), clip(20000, 1)])
    before = batch.clone()
    Fbank().features(batch, lengths)
    assert torch.equal(batch, before)


def test_centre_removes_each_clips_own_mean() -> None:
    waves = torch.tensor([[1.0, 3.0, 9.0], [2.0, 4.0, 6.0], [5.0, 5.0, 5.0]])
    expected = torch.tensor([[-1.0, 1.0, 0.0], [-2.0, 0.0, 2.0], [0.0, 0.0, 0.0]])
    assert torch.equal(centre(waves, torch.tensor([2, 3, 0])), expected)


def test_impossible_input_is_refused() -> None:
    with pytest.raises(ValueError, match="float32"):
        Fbank().features(torch.zeros(1, 16000, dtype=torch.int16), torch.tensor([16000]))
    with pytest.raises(ValueError, match="16001 samples"):
        Fbank().features(torch.zeros(1, 16000), torch.tensor([16001]))


# --- by name --------------------------------------------------------------------------------------


def declared() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every front end of tables and rivals, with every alternative and demo's change."""
    for file in sorted((*TABLES.glob("*/recipes.toml"), *TABLES.glob("rivals/*.toml"))):
        whose = file.stem if file.parent.name == "rivals" else file.parent.name
        given = tomllib.loads(file.read_text(encoding="utf-8"))
        changes = [
            {choice["path"].removeprefix("frontend.args."): other["value"]}
            for choice in given.get("assumption", [])
            if choice["path"].startswith("frontend.args.")
            for other in choice["alternatives"]
        ]
        demos = [recipe.get("demo", {}).get("frontend", {}) for recipe in given["recipes"].values()]
        for name, settings in given["frontends"].items():
            for change in [{}, *changes, *demos]:
                if change.keys() <= settings.keys():
                    yield f"{whose} {name} {change}", settings | change


def test_every_front_end_of_the_tables_can_be_built() -> None:
    built = {}
    for where, settings in declared():
        args = dict(settings)
        front = build({"name": args.pop("name"), "args": args}, 5)
        assert front.rate == settings.get("rate", 16000), where
        built[where] = front.shape
    assert built["asmrh fbank {}"] == (512, 128)
    assert built["m3net fbank-4s {}"] == (400, 64)
    assert built["gafx fbank {}"] == (3308, 128)
    assert built["gafx waveform-30s {}"] == (1, 661600)
    assert built["gafx waveform-stereo {}"] == (2, 480000)
    assert built["eat waveform {}"] == (1, 114688)
    assert built["eat phase-magnitude {}"] == (2, 114688)
    assert built["eat phase {'window': 2048}"] == (1, 114688)
    assert built["phinets mel {}"] == (125, 40)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("fbank", {"frames": 100, "mels": 32, "mean": -6, "std": 5.5}),
        ("logmel", {"frames": 6, "mels": 8}),
        ("waveform", {"multiple": 64, "peak": 0.95, "channels": 2}),
        ("phase", {"rate": 16000, "content": "phase+magnitude", "window": 64, "hop": 16}),
    ],
)
def test_a_model_gets_the_shape_that_is_promised(name: str, args: dict[str, Any]) -> None:
    front = build({"name": name, "args": args}, 0.1)
    x = front.normalise(front.features(*stack([clip(3000, 0), clip(900, 1)])))
    assert x.shape == (2, *front.shape)
    assert x.dtype == torch.float32
    assert x.is_contiguous()


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("mfcc", {}, "no front end 'mfcc'; valid names: fbank, logmel, waveform, phase"),
        ("fbank", {"bins": 64}, "no argument 'bins'; valid names: rate, mels, frames, mean, std"),
        ("fbank", {"device": "cpu"}, "no argument 'device'"),
        ("waveform", {"seconds": 5}, "no argument 'seconds'; valid names: rate, length"),
        ("waveform", {"hop": 200}, "no argument 'hop'"),
        ("phase", {"channels": 2}, "no argument 'channels'"),
        ("fbank", {"mels": 64.0}, "mels = 64.0 is not of type int"),
        ("fbank", {"frames": True}, "frames = True is not of type int"),
        ("fbank", {"mean": "0"}, "mean = '0' is not of type float"),
        ("fbank", {"mean": float("nan")}, "mean = nan is not a finite number"),
        ("fbank", {"rate": 99}, "rate = 99 is not a whole number of at least 100"),
        ("fbank", {"mels": 3}, "mels = 3 is not a whole number of at least 4"),
        ("fbank", {"frames": 0}, "frames = 0 is not"),
        ("fbank", {"hop": -1}, "hop = -1 is not"),
        ("fbank", {"std": 0}, "std = 0 is not a number above 0"),
        ("waveform", {"rate": 0}, "rate = 0 is not"),
        ("waveform", {"length": -1}, "length = -1 is not"),
        ("waveform", {"multiple": 0}, "multiple = 0 is not"),
        ("waveform", {"channels": 0}, "channels = 0 is not"),
        ("waveform", {"peak": 1.5}, r"peak = 1.5 is not in \[0, 1\]"),
        ("phase", {"content": "both"}, "'both' is not one of 'phase', 'magnitude', 'phase\\+magn"),
        ("phase", {"phase_sign": 0}, "phase_sign = 0 is not one of -1, 1"),
        ("phase", {"window": 1}, "window = 1 is not a whole number of at least 2"),
        ("phase", {"window": 512, "hop": 257}, "hop = 257 is not a whole number from 1 to 256"),
    ],
)
def test_an_impossible_front_end_is_refused(name: str, args: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build({"name": name, "args": args}, 5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_agrees_with_cpu_and_with_itself() -> None:
    clips = [clip(samples, seed) for seed, samples in enumerate(MIXED_LENGTHS)]
    batch, lengths = stack(clips)
    front_end = Fbank(device="cuda")
    with torch.autocast("cuda", dtype=torch.bfloat16):
        first = front_end.features(batch.cuda(), lengths)
    assert torch.equal(first, front_end.features(batch.cuda(), lengths))
    assert torch.allclose(first.cpu(), Fbank().features(batch, lengths), atol=1e-2)
