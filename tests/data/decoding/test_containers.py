"""Every container that soundfile can write: decoded whole, and never short without a word."""

import os
import struct

import numpy as np
import pytest
import soundfile

from repro.data.decoding import containers
from repro.data.decoding.decode import LONGEST, UndecodableError, decode, header, read

RATE, COUNT = 16000, 16000
UNWRITABLE = {("AIFF", "DWVW_12"), ("MP3", "MPEG_LAYER_I"), ("MP3", "MPEG_LAYER_II"),
              ("WAV", "MPEG_LAYER_III")}  # fmt: skip
UNREADABLE = {("AIFF", "DWVW_16"), ("AIFF", "DWVW_24")}  # by libsndfile itself
WRITTEN = [
    (kind, subtype)
    for kind in soundfile.available_formats()
    for subtype in soundfile.available_subtypes(kind)
    if kind not in ("RAW", "SD2") and (kind, subtype) not in UNWRITABLE
]
ACCEPTED = [
    pair for pair in WRITTEN if pair[0] in containers.ACCEPTED and pair not in UNREADABLE
]  # fmt: skip
NO_WINDING = {"GSM610", "G721_32", "G723_24", "G723_40", "NMS_ADPCM_16", "NMS_ADPCM_24",
              "NMS_ADPCM_32"}  # fmt: skip


@pytest.fixture(scope="module")
def tone():
    """Return a second of a tone in noise, float (16000,)."""
    time = np.arange(COUNT) / RATE
    return 0.4 * np.sin(2 * np.pi * 440 * time) + np.random.default_rng(0).normal(0, 0.02, COUNT)


def write(file, samples, kind, subtype="PCM_16", rate=RATE, **more):
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(file, "w", rate, channels, subtype, format=kind, **more) as out:
        out.write(samples)
    return file


def why(file, rate=RATE):
    with pytest.raises(UndecodableError) as caught:
        decode(file, rate)
    assert str(file) in caught.value.message
    assert caught.value.message.count(str(file)) == 1
    return caught.value.why


@pytest.mark.parametrize(("kind", "subtype"), ACCEPTED, ids="_".join)
def test_whole_files_are_heard_and_cut_ones_are_named(tmp_path, tone, kind, subtype):
    """Those that cannot be wound back too: GSM 6.10, G.721, NMS ADPCM."""
    file = write(tmp_path / "a.wav", tone, kind, subtype)
    samples = decode(file, RATE) / 32768
    assert COUNT <= len(samples) <= COUNT + 512, "block codes fill up their last block"
    # A tone of 440 Hz repeats after 400 samples, so that a code's delay does not matter.
    assert max(np.corrcoef(tone[:800], samples[n : n + 800])[0, 1] for n in range(300)) > 0.98
    assert header(file).frames == len(samples) or subtype in NO_WINDING
    data = file.read_bytes()
    for left in (len(data) // 4, len(data) // 2, len(data) - len(data) // 20):
        file.write_bytes(data[:left])
        assert why(file)
    file.write_bytes(data + bytes(2 * len(data)))
    if kind in ("W64", "NIST") or (kind == "AU" and subtype in NO_WINDING):
        assert "more follow" in why(file), "libsndfile takes whatever follows for samples"
    elif kind != "OGG":
        assert np.array_equal(decode(file, RATE) / 32768, samples), "filled up with zeros"


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in WRITTEN} - containers.ACCEPTED))
def test_a_container_that_cannot_be_checked_is_refused_by_name(tmp_path, tone, kind):
    subtype = "ALAW" if kind == "WVE" else "DPCM_16" if kind == "XI" else "PCM_16"
    file = write(tmp_path / "a.wav", tone, kind, subtype, rate=8000 if kind == "WVE" else RATE)
    assert "convert it to wav" in why(file)
    with pytest.raises(UndecodableError, match="nothing tells whether it is whole"):
        header(file)


def put(data, place, form, value):
    return data[:place] + struct.pack(form, value) + data[place + struct.calcsize(form) :]


# Where a file of 16,000 samples of 16 bits states their bytes: mark, bytes behind it, form, what is
# added to the samples' 32,000 bytes, and what stands there where the writer could not know.
STATED = {
    "WAV": (b"data", 4, "<I", 0, 0xFFFFFFFF),
    "RIFX": (b"data", 4, ">I", 0, 0x7FFFFFFF),
    "RF64": (b"ds64", 16, "<Q", 0, None),
    "W64": (b"data", 16, "<Q", 24, None),
    "AIFF": (b"SSND", 4, ">I", 8, None),
    "AU": (b".snd", 8, ">I", 0, 0xFFFFFFFF),
    "CAF": (b"data", 4, ">q", 4, None),
}


@pytest.mark.parametrize("kind", STATED)
def test_a_header_that_states_too_few_or_too_many_bytes_is_no_short_clip(tmp_path, tone, kind):
    mark, behind, form, more, unknown = STATED[kind]
    endian = {"endian": "BIG"} if kind == "RIFX" else {}
    file = write(tmp_path / "a.wav", tone, "WAV" if kind == "RIFX" else kind, **endian)
    data = file.read_bytes()
    place = data.index(mark) + behind
    assert data == put(data, place, form, 32000 + more), "the table says where the length stands"
    whole = decode(file, RATE)
    for stated, reason in ((40000, "cut off: 8,000 bytes"), (1000, "31,000 more follow"),
                           (0, "32,000 more follow"), (32002, "cut off: 2 bytes")):  # fmt: skip
        file.write_bytes(put(data, place, form, stated + more))
        assert reason in why(file) or why(file) == "Supported file format but file is malformed."
    if unknown is not None:
        file.write_bytes(put(data, place, form, unknown))
        assert np.array_equal(decode(file, RATE), whole)


def test_a_tag_behind_the_samples_is_no_fault(tmp_path, tone):
    """An ID3v1 tag has 128 bytes; chunks may follow where the container has chunks."""
    for kind in ("WAV", "AIFF", "AU", "RF64", "CAF"):
        file = write(tmp_path / "a.wav", tone, kind)
        whole, data = decode(file, RATE), file.read_bytes()
        file.write_bytes(data + b"TAG" + b"x" * 125)
        assert np.array_equal(decode(file, RATE), whole)
    file = write(tmp_path / "a.wav", tone, "WAV")
    file.write_bytes(file.read_bytes() + b"bext" + struct.pack("<I", 9000) + b"y" * 9000)
    assert len(decode(file, RATE)) == COUNT


def test_a_sphere_file_states_its_samples_as_text(tmp_path, tone):
    file = write(tmp_path / "a.wav", tone, "NIST")
    data = file.read_bytes()
    file.write_bytes(data.replace(b"sample_count -i 16000", b"sample_count -i 17000"))
    assert why(file) == "cut off: 2,000 bytes of samples fewer than its header says"


def test_an_ogg_file_ends_with_a_page_that_says_so(tmp_path, tone):
    file = write(tmp_path / "a.ogg", np.tile(tone, 3), "OGG", "VORBIS")
    data, last = file.read_bytes(), file.read_bytes().rindex(b"OggS")
    file.write_bytes(data[:last])  # at a page's end
    assert why(file) == "cut off: no page is marked as its end"
    file.write_bytes(data[:-10])
    assert why(file) == "cut off: its last page is not whole"
    file.write_bytes(data + b"TAG" + b"x" * 125)
    assert len(decode(file, RATE)) == 3 * COUNT


def test_flac_and_mp3_are_held_against_their_own_counts(tmp_path, tone):
    file = write(tmp_path / "a.flac", tone, "FLAC")
    data = file.read_bytes()
    count = int.from_bytes(data[18:26], "big")
    for stated in (0, 20000):
        file.write_bytes(data[:18] + (count - COUNT + stated).to_bytes(8, "big") + data[26:])
        assert why(file)
    file = write(tmp_path / "a.mp3", tone, "MP3", "MPEG_LAYER_III")
    file.write_bytes(file.read_bytes()[:2000])
    assert "of 16,000 samples" in why(file)


def test_a_pipe_a_folder_and_a_dangling_link_are_named_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "link.wav").symlink_to("nowhere.wav")
    assert why(tmp_path / "pipe.wav") == why(tmp_path / "folder.wav") == "not a file"
    assert "No such file" in why(tmp_path / "link.wav")
    with pytest.raises(UndecodableError, match=r"pipe\.wav"):
        header(tmp_path / "pipe.wav")


def test_samples_beyond_full_scale_are_counted(tmp_path):
    wild = np.array([0.5, 1.0, 1.5, -1.0, -1.5, 1.0000001, 0.0])
    file = write(tmp_path / "a.wav", wild, "WAV", "DOUBLE")
    assert read(file).beyond == 3
    file = write(tmp_path / "b.wav", np.stack([wild, -wild], 1), "WAV", "DOUBLE")
    assert read(file).beyond == 0, "the mean over channels is what is clipped"


def test_what_a_header_claims_takes_no_memory(tmp_path, tone):
    """A FLAC header may state 2^36 samples, and a wav file be 4 GB of nothing."""
    file = tmp_path / "a.wav"
    write(file, tone, "WAV")
    data = file.read_bytes()
    place = data.index(b"data") + 4
    file.write_bytes(put(data, place, "<I", 4 * LONGEST))
    with file.open("r+b") as out:
        out.truncate(place + 4 + 4 * LONGEST)  # a hole in the file, not on the disk
    assert f"more than {LONGEST:,}: cut it into clips" in why(file)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("odd"), ValueError("x"), OSError(5)])
def test_whatever_is_raised_while_a_file_is_read_names_it(tmp_path, tone, monkeypatch, error):
    def broken(*_, **__):
        raise error

    file = write(tmp_path / "a.wav", tone, "WAV")
    monkeypatch.setattr(soundfile.SoundFile, "read", broken)
    assert why(file)
    monkeypatch.undo()
    monkeypatch.setattr("repro.data.decoding.decode.resample", broken)
    assert why(file, 8000)
