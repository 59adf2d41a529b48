"""decode.decode: from files of any kind to int16 mono."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from repro.data.decoding.decode import decode
from repro.errors import UserError

RATE = 16000


@pytest.fixture
def pcm():
    rng = np.random.default_rng(0)
    return np.concatenate([[-32768, 32767, -1, 0, 1], rng.integers(-32768, 32768, 15995)]).astype(
        "<i2"
    )


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_16_bit_mono_comes_through_bit_by_bit(tmp_path, pcm, suffix):
    file = tmp_path / f"a.{suffix}"
    soundfile.write(file, pcm, RATE, subtype="PCM_16")
    samples = decode(file, RATE)
    assert samples.dtype == np.int16
    assert np.array_equal(samples, pcm)
    assert np.array_equal(decode(str(file), RATE), pcm)


def test_channels_are_averaged(tmp_path):
    stereo = np.array([[100, 200], [-32768, 32767], [32767, 32767], [3, 4], [5, 6]], np.int16)
    soundfile.write(tmp_path / "a.wav", stereo, RATE)
    # -0.5, 3.5 and 5.5 go to the even neighbour
    assert decode(tmp_path / "a.wav", RATE).tolist() == [150, 0, 32767, 4, 6]


def test_float_beyond_full_scale_is_clipped(tmp_path):
    wild = np.array([0.5, 1.0, 1.5, -1.0, -1.5, 2.0**-16, 3 * 2.0**-16])
    soundfile.write(tmp_path / "a.wav", wild, RATE, subtype="FLOAT")
    assert decode(tmp_path / "a.wav", RATE).tolist() == [16384, 32767, 32767, -32768, -32768, 0, 2]


@pytest.mark.parametrize(("own_rate", "tone"), [(48000, 1000.0), (44100, 3000.0), (8000, 440.0)])
def test_24_bit_stereo_of_another_rate_is_the_same_tone(tmp_path, own_rate, tone):
    t = np.arange(own_rate) / own_rate
    left = 0.5 * np.sin(2 * np.pi * tone * t)
    soundfile.write(tmp_path / "a.wav", np.stack([left, 0.5 * left], 1), own_rate, subtype="PCM_24")
    samples = decode(tmp_path / "a.wav", RATE) / 32768
    expected = 0.375 * np.sin(2 * np.pi * tone * np.arange(RATE) / RATE)
    assert len(samples) == RATE
    assert np.abs(samples - expected)[200:-200].max() < 0.004


def test_what_lies_above_half_the_new_rate_goes(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 11000 * np.arange(48000) / 48000)
    soundfile.write(tmp_path / "a.flac", tone, 48000, subtype="PCM_24")
    assert np.abs(decode(tmp_path / "a.flac", RATE)[200:-200]).max() < 0.005 * 32768


def test_ogg_is_close_to_what_was_encoded(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
    soundfile.write(tmp_path / "a.ogg", tone, RATE)
    samples = decode(tmp_path / "a.ogg", RATE)
    assert len(samples) == RATE
    assert np.abs(samples / 32768 - tone).mean() < 0.02


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(tmp_path, value):
    soundfile.write(tmp_path / "a.wav", np.array([0.1, value, 0.1]), RATE, subtype="FLOAT")
    with pytest.raises(UserError, match=r"a\.wav: cannot be decoded: NaN or infinite"):
        decode(tmp_path / "a.wav", RATE)


def test_files_that_hold_no_audio_are_named(tmp_path, pcm, capfd):
    soundfile.write(tmp_path / "none.wav", pcm[:0], RATE)
    soundfile.write(tmp_path / "whole.flac", pcm, RATE)
    soundfile.write(tmp_path / "whole.mp3", pcm, RATE)
    (tmp_path / "cut.flac").write_bytes((tmp_path / "whole.flac").read_bytes()[:9000])
    (tmp_path / "cut.mp3").write_bytes((tmp_path / "whole.mp3").read_bytes()[:2000])
    (tmp_path / "zero.wav").write_bytes(b"")
    (tmp_path / "page.wav").write_bytes(b"<html>404</html>" * 20)
    (tmp_path / "folder.wav").mkdir()
    reasons = {
        "none.wav": "no samples",
        "cut.flac": "lost sync",
        "cut.mp3": r"ends after [\d,]+ of 16,000 samples",
        "zero.wav": "not recognised",
        "page.wav": "not recognised",
        "folder.wav": "",
        "missing.wav": "",
    }
    for name, reason in reasons.items():
        with pytest.raises(UserError, match=f"cannot be decoded: .*{reason}") as caught:
            decode(tmp_path / name, RATE)
        assert str(tmp_path / name) in caught.value.message
        assert caught.value.message.count(str(tmp_path)) == 1
        assert "the same command again" in caught.value.next_step


def test_data_modules_and_decoding_at_the_own_rate_need_no_torch(tmp_path, pcm):
    soundfile.write(tmp_path / "a.wav", pcm, RATE)
    script = f"""
import sys
from repro.data import audio, generated, manifest, protocols, sources, verify
from repro.data.decoding import decode
manifest.load("speech_commands_v2_35")
decode.decode({str(tmp_path / "a.wav")!r}, {RATE})
print([name for name in ("torch", "scipy", "pandas") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.data
def test_real_flac_equals_its_16_bit_samples(shared_data):
    files = sorted((shared_data / "audio" / "speech_commands_v0.02").rglob("*.flac"))[::10]
    assert len(files) > 50
    for file in files:
        assert np.array_equal(decode(file, RATE), soundfile.read(file, dtype="int16")[0])


@pytest.mark.data
def test_real_files_of_other_kinds_decode_to_their_length(shared_data):
    """Among them UrbanSound8K's 24-bit WAVE_FORMAT_EXTENSIBLE, RAVDESS stereo, ESC-10 Ogg."""
    audio = shared_data / "audio"
    files = [*audio.rglob("foldn/*.wav"), *audio.rglob("fold*/*.wav"), *audio.rglob("*.ogg")][::9]
    files += [next(audio.rglob("03-01-02-01-01-02-01.flac"))]
    files += [next(audio.rglob("103074-7-0-0.wav"))]
    for file in files:
        info = soundfile.info(file)
        samples = decode(file, RATE)
        assert len(samples) == -(-info.frames * RATE // info.samplerate), file
        assert samples.any()


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAVEX", "PCM_16"), ("WAV", "IMA_ADPCM")],
)
def test_a_wav_cut_off_behind_its_header_is_named(tmp_path, pcm, kind, subtype):
    file = tmp_path / "a.wav"
    soundfile.write(file, pcm, RATE, format=kind, subtype=subtype)
    whole = decode(file, RATE)
    file.write_bytes(file.read_bytes()[:-600])
    with pytest.raises(UserError, match=r"a\.wav: cannot be decoded: .*600|ends after"):
        decode(file, RATE)
    assert len(whole) >= len(pcm)


@pytest.mark.parametrize("stated", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_wav_written_to_a_pipe_states_no_length_and_is_whole(tmp_path, pcm, stated):
    file = tmp_path / "a.wav"
    soundfile.write(file, pcm, RATE, subtype="PCM_16")
    data = bytearray(file.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = stated.to_bytes(4, "little")
    file.write_bytes(data)
    assert np.array_equal(decode(file, RATE), pcm)


def test_chunks_before_and_behind_the_samples_are_no_fault(tmp_path, pcm):
    file = tmp_path / "a.wav"
    soundfile.write(file, pcm, RATE, subtype="PCM_16")
    data = file.read_bytes()
    place = data.index(b"data")
    odd = b"junk" + (3).to_bytes(4, "little") + b"abc\0"  # of an odd length, so padded
    tail = b"LIST" + (4).to_bytes(4, "little") + b"INFO"
    body = data[8:place] + odd + data[place:] + tail
    file.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert np.array_equal(decode(file, RATE), pcm)
    file.write_bytes(file.read_bytes()[: -len(tail) - 1])
    assert len(decode(file, RATE)) == len(pcm) - 1, "less than a frame may be missing"
    file.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body[: -len(tail) - 600])
    with pytest.raises(UserError, match="cut off: 600 bytes"):
        decode(file, RATE)
