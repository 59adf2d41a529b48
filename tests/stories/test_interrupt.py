"""Ctrl-C while a table trains: an answer within a second, and how to go on."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from repro.commands._entry import main

CODE = "from repro.commands._entry import main; main(prog_name='repro')"
WORDS = ["table", "asmrh-speechcommands", "--profile", "demo", "--only", "asm", "--seeds", "0"]
BUSY = 1.0  # seconds that a busy machine may take on top of the one that is promised


def workers(home: Path) -> list[str]:
    """Return the command lines of worker processes of a home."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if "repro.train.worker" in line and str(home) in line:
            lines.append(line)
    return lines


def started(home: Path) -> "subprocess.Popen[str]":
    """Ask for a table, with pipes; SIGINT is taken even where the tests' own caller ignores it."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", CODE, *WORDS, "--home", str(home)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


@pytest.mark.slow  # starts torch, and on a busy machine waits for it
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_ctrl_c_answers_within_a_second_and_the_same_command_goes_on(tmp_path: Path) -> None:
    process = started(tmp_path)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("runs/.work/*/log.txt")):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, "no training within two minutes"
            time.sleep(0.05)
        assert workers(tmp_path)

        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        took = time.monotonic() - asked
    finally:
        process.kill()

    assert took < 1 + BUSY
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-2:] == [
        "Error: interrupted; nothing is lost",
        "Next:  the same command again continues",
    ]
    assert "Traceback" not in err
    assert workers(tmp_path) == []
    told = CliRunner().invoke(main, ["status", "--home", str(tmp_path)]).stdout
    assert "interrupted:" in told
    assert re.search(r"next: repro table \S+ .*--seeds 0 --only asm .*continues it", told), told
