"""What the system refuses, and what a terminal cannot show: one message, and never a traceback."""

import errno
import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from repro.commands import _entry
from repro.commands.doctor import command as doctor
from tests import tiny

TABLE = "asmrh-speechcommands"
RENDER = ["table", TABLE, "--render-only"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_HOME", str(tmp_path / "home"))
    for name in ("REPRO_DATA", "REPRO_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tiny.home(tmp_path / "home")


def repro(*words):
    return CliRunner().invoke(_entry.main, list(map(str, words)), prog_name="repro")


def shell(line, cwd="/", **environment):
    """Run a line of bash in which `repro` is the command."""
    code = "from repro.commands._entry import main; main(prog_name='repro')"
    start = f'repro() {{ {sys.executable} -P -c "{code}" "$@"; }}; set -o pipefail; '
    return subprocess.run(
        ["bash", "-c", start + line],
        capture_output=True, text=True, errors="replace", cwd=cwd,
        env={**os.environ, **environment},
    )  # fmt: skip


def assert_one_message(stderr, *said):
    lines = stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Error", "Next"], stderr
    for fragment in said:
        assert fragment in stderr


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EACCES, errno.EIO, errno.ESTALE, errno.ELOOP, errno.ENOTDIR,
               errno.ENAMETOOLONG, errno.EMFILE, errno.ETXTBSY, errno.EINVAL, errno.ETIMEDOUT],
    ids=errno.errorcode.get,
)  # fmt: skip
@pytest.mark.parametrize("named", [("/a/path",), (), ("/a/path", None, "/another")])
def test_every_error_of_the_system_is_one_message(number, named, monkeypatch):
    def fail(*_):
        raise OSError(number, os.strerror(number), *named)

    monkeypatch.setattr("repro.spec.index.titles", fail)
    done = repro("list")
    assert done.exit_code == 2
    assert_one_message(done.stderr, os.strerror(number), *filter(None, named))
    assert "standard output" not in done.stderr


def test_an_error_without_words_or_with_a_number_for_a_file_is_one_too(monkeypatch):
    for error in (OSError(), OSError("odd"), OSError(errno.EIO, "broken", 3), TimeoutError()):

        def fail(*_, error=error):
            raise error

        monkeypatch.setattr("repro.spec.index.titles", fail)
        assert_one_message(repro("list").stderr, str(error.strerror or error))


LONG = "x" * 300


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([*RENDER, "-o", LONG], "File name too long"),
        (["data", "add", "esc50", LONG], "File name too long"),
        (["runs", "import", LONG], "File name too long"),
        (["runs", "list", "--home", LONG], "File name too long"),
        ([*RENDER, "-o", "circle"], "Too many levels of symbolic links"),
        (["data", "add", "esc50", "circle"], "Too many levels of symbolic links"),
        (["runs", "import", "circle"], "Too many levels of symbolic links"),
        (["runs", "list", "--home", "circle"], "Too many levels of symbolic links"),
        (["runs", "list", "--home", "file"], "--home file is not a folder"),
        (["runs", "list", "--home", "~no.such.user"], "~no.such.user: there is no such"),
        (["data", "add", "esc50", "~no.such.user/esc50"], "~no.such.user/esc50: there is no such"),
        (["weights", "add", "DeiT", "~no.such.user/w.pt"], "~no.such.user/w.pt: there is no such"),
        (["runs", "list", "--home", "file/below"], "/file is not a folder"),
        (["data", "add", "esc50", "file/below"], "Not a directory"),
        ([*RENDER, "-o", "file/below"], "is not a folder"),
        ([*RENDER, "-o", "/dev/full"], "-o /dev/full cannot be written: No space left on device"),
        (["appendix", "asmrh", "-o", "-"], "is no folder"),
        (["all", "--dry-run", "-o", "file"], "need a folder"),
    ],
)
def test_a_path_that_cannot_be_is_named(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "circle").symlink_to("circle")
    done = repro(*words)
    assert (done.exit_code, done.stdout) == (2, ""), done.exception
    assert_one_message(done.stderr, said)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["circle", "file"]


def test_a_working_folder_that_has_gone_is_named(tmp_path):
    gone = f"mkdir {tmp_path}/gone; cd {tmp_path}/gone; rmdir {tmp_path}/gone; "
    for words in (f"table {TABLE} --render-only -o x.md", "data add esc50 .", "runs list --home ."):
        done = shell(f"{gone} repro {words}")
        assert done.returncode == 2
        assert_one_message(done.stderr, "the working folder has been removed", "cd ")
    assert shell(f"{gone} repro list").returncode == 0


@pytest.mark.parametrize(
    "words", ["--help", "--version", "list", "table --help", f"show {TABLE}", "data list"]
)
def test_a_full_disk_behind_standard_output_is_one_message(words):
    done = shell(f"repro {words} > /dev/full")
    assert done.returncode == 2
    assert_one_message(done.stderr, "No space left on device: standard output")


def test_output_and_errors_that_go_nowhere_are_no_traceback():
    for words in ("list", "--help", f"plan {TABLE} <&-"):
        done = shell(f"repro {words} >&-")
        assert (done.returncode, done.stderr) == (0, ""), words
    for gone in ("2> /dev/full", "2>&-"):
        done = shell(f"repro tabel {gone}")
        assert (done.returncode, done.stdout) == (2, "")
    done = shell("repro --help | head -c 1")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "koi8-r", "ascii"])
def test_letters_that_a_terminal_lacks_are_no_traceback(encoding):
    done = shell("repro show eat-esc50", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")


def test_letters_that_a_terminal_lacks_are_shown_by_their_codes():
    """As JSON writes them, so that there they are the same letters still.

    Bytes of a name that are no text (surrogates) cannot be shown by UTF-8 either.
    """
    code = "import click; from repro.commands._entry import _any_letter; _any_letter(); "
    code += r"click.echo('\xb1 \u2713 \udcb0 \U0001f600')"
    shown = {
        "utf-8": "± ✓ \\udcb0 \U0001f600\n",
        "latin-1": "± \\u2713 \\udcb0 \\ud83d\\ude00\n",
        "cp437": "± \\u2713 \\udcb0 \\ud83d\\ude00\n",
    }
    for encoding, text in shown.items():
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, cwd="/",
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert (done.stdout.decode(encoding), done.stderr) == (text, b"")
    assert json.loads('"\\u00b1 \\ud83d\\ude00"') == "± \U0001f600"


@pytest.mark.slow
@pytest.mark.parametrize("dash", ["-", "/dev/stdout"])
@pytest.mark.parametrize(
    "words", [RENDER, ["cells", TABLE], ["all", "--paper", "gafx", "--printed"]]
)
def test_a_dash_is_standard_output(words, dash, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain, dashed = repro(*words), repro(*words, "-o", dash)
    assert (dashed.exit_code, dashed.stdout) == (plain.exit_code, plain.stdout)
    assert "wrote" not in dashed.stderr
    assert not list(tmp_path.iterdir())


def test_a_list_of_clips_goes_to_standard_output_and_what_is_said_of_it_does_not(tmp_path):
    piped = shell("repro data manifest esc10 -o - | gunzip", cwd=tmp_path)
    assert piped.stdout.startswith("path,label,group,part\n")
    assert len(piped.stdout.splitlines()) == 401
    assert "400 clips" in piped.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("tried", "code", "line"),
    [
        ({"torch": "torch 2", "cards": [], "faults": []}, 0, "ok    cards    none: training"),
        ({"torch": "torch 2", "cards": ["H200"], "faults": []}, 0, "ok    cards    H200"),
        ({"torch": "torch 2", "cards": [], "faults": ["driver too old"]}, 1, "driver too old"),
    ],
)
def test_doctor_believes_a_card_that_computes(monkeypatch, tmp_path, tried, code, line):
    monkeypatch.setattr(doctor, "_tried", lambda: tried)
    done = CliRunner().invoke(_entry.main, ["doctor", "--home", str(tmp_path)])
    assert line in done.stdout
    assert done.exit_code == code
