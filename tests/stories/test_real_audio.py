"""The main job on real audio, as a new user types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TABLE = ["table", "asmrh-speechcommands", "--profile", "demo", "--data", "local"]


def repro(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECKOUT / "cli.py"), *words, "--home", str(home)]
    return subprocess.run(command, cwd="/", capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.data
def test_real_clips_train_and_render(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "audio" / "speech_commands_v0.02"
    clips = sum(1 for _ in folder.glob("*/*.flac"))
    coverage = f"{clips:,} of 105,829 clips"

    added = repro(tmp_path, "data", "add", "speech_commands_v2_35", str(folder))
    assert added.returncode == 0, added.stderr
    assert coverage in added.stdout + added.stderr

    refused = repro(tmp_path, *TABLE)
    assert refused.returncode == 4
    assert coverage in refused.stderr
    assert "--subset" in refused.stderr
    assert not list((tmp_path / "runs").glob("*"))

    # One system and seed here; `make demo` and the README's command make the whole table.
    one = ["--subset", "--only", "asm-rh", "--seeds", "0", "--format", "json"]
    done = repro(tmp_path, *TABLE, *one)
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert any(coverage in mark for mark in table["marks"])
    assert table["marks"][-2:] == ["ONLY asm-rh", "SEEDS 0"]
    cell = next(c for c in table["cells"] if (c["row"], c["column"]) == ("t-acc", "ASM-RH"))
    assert (cell["n_done"], cell["n_needed"]) == (1, 1)  # of some clips, the seeds asked for
    assert 0 <= cell["ours"] <= 100
    (record,) = (tmp_path / "runs").glob("*/*/run.json")
    run = json.loads(record.read_text())
    assert run["clips_used"]["train"] == 191
    assert run["clips_used"]["valid"] == 44
    assert sum(run["clips_used"].values()) == clips
