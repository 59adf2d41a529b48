"""Before a clip is called missing, it is said what lies there instead."""

import os
import subprocess
import zipfile

import pytest
import soundfile

from repro.data import manifest, sources
from repro.data.folders.missing import Search
from repro.errors import UserError

ESC = "audio/1-100032-A-0.wav"


def touch(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()


def test_each_reason(tmp_path):
    touch(tmp_path, "a/x.m4a", "a/y.pdf.wav", "a/Two.wav", "a/two.flac", "b/deep/z.wav")
    os.mkfifo(tmp_path / "a" / "pipe.wav")
    (tmp_path / "a" / "dangling.wav").symlink_to("nowhere.wav")
    (tmp_path / "a" / "folder.wav").mkdir()
    (tmp_path / "a" / "none").mkdir()
    (tmp_path / "a" / os.fsdecode("狗.wav".encode("gbk"))).touch()
    search = Search(tmp_path)
    expected = {
        "a/x.wav": "only as a/x.m4a, which is not decoded here; ffmpeg -i a/x.m4a a/x.wav",
        "a/TWO.wav": "a/Two.wav is spelt otherwise than TWO.wav, and it is not the only one",
        "a/pipe.wav": "a/pipe.wav is no file but a pipe or a device",
        "a/dangling.wav": "a/dangling.wav is a link to what is not there (No such file",
        "a/folder.wav": "a/folder.wav is a folder",
        "a/狗.wav": r"its name on the disk is not UTF-8 but perhaps gb18030, \xb9\xb7.wav: convmv",
        "z.wav": "a file of this name is at b/deep/z.wav",
        "c/z.ogg": "a file of this name is at b/deep/z.wav",
        "b\\deep\\z.wav": "written with \\; it is at b/deep/z.wav",
        "a/none.wav": "no such file",
        "c/none.wav": "no folder c",
    }
    for place, reason in expected.items():
        assert search.why(place).startswith(reason), place
        search.why(place).encode()


def test_the_way_to_convert_can_be_pasted(tmp_path):
    touch(tmp_path, "it's here.m4a")
    command = Search(tmp_path).why("it's here.wav").partition("; ")[2]
    words = subprocess.run(["bash", "-c", command.replace("ffmpeg", "printf '%s|'", 1)],
                           capture_output=True, text=True, check=True)  # fmt: skip
    assert words.stdout == "-i|it's here.m4a|it's here.wav|"


@pytest.mark.parametrize("above", ["", "ESC-50-master", "download/ESC-50-master"])
def test_the_right_folder_is_named_up_to_two_levels_deep(tmp_path, above):
    touch(tmp_path / above, ESC)
    if not above:
        sources.add("esc50", tmp_path, tmp_path / "data")
        return
    with pytest.raises(UserError, match="looks right") as caught:
        sources.add("esc50", tmp_path, tmp_path / "data")
    assert caught.value.next_step == f"repro data add esc50 {tmp_path / above}"


@pytest.mark.parametrize("below", ["", "download"])
def test_an_archive_that_is_not_unpacked_is_named(tmp_path, below):
    root, archive = tmp_path / "it's", tmp_path / "it's" / below / "ESC-50-master.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(f"ESC-50-master/{ESC}", b"")
    with pytest.raises(UserError, match=r"ESC-50-master\.zip is packed") as caught:
        sources.add("esc50", root, tmp_path / "data")
    command = caught.value.next_step.partition(", then ")[0]
    assert command.startswith("unzip -q ")
    with pytest.raises(UserError, match="is an archive, not a folder") as caught:
        sources.add("esc50", archive, tmp_path / "data")
    assert caught.value.next_step.startswith(command)


def test_a_folder_of_files_that_are_not_decoded_says_so(tmp_path):
    listed = manifest.load("esc50").clips
    touch(tmp_path, *(clip.id.replace(".wav", ".m4a") for clip in listed[:3]))
    with pytest.raises(UserError, match=r"only as audio/1-100032-A-0\.m4a, which is not decoded"):
        sources.add("esc50", tmp_path, tmp_path / "data")


def test_a_root_named_in_other_bytes_is_refused_in_text(tmp_path):
    root = tmp_path / os.fsdecode("语音".encode("gbk"))
    touch(root, ESC)
    with pytest.raises(UserError, match=r"\\xd3\\xef\\xd2\\xf4: the name of") as caught:
        sources.add("esc50", root, tmp_path / "data")
    command, _, then = caught.value.next_step.partition(", then ")
    subprocess.run(["bash", "-c", command], check=True)
    assert then == "repro data add esc50 DIR"
    soundfile.write(tmp_path / "语音" / ESC, [0.1] * 10, 16000)
    assert sources.add("esc50", tmp_path / "语音", tmp_path / "data").found
