"""Own data in none of the papers' layouts, on real audio: added, trained on, rendered."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TABLE = "asmrh-speechcommands"


def repro(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECKOUT / "cli.py"), *words, "--home", str(home)]
    return subprocess.run(command, cwd="/", capture_output=True, text=True)


def collection(shared: Path, root: Path) -> Path:
    """Link Ogg and FLAC clips of three datasets into one tree; return a CSV that describes it."""
    audio, rows = shared / "audio", []
    for file in sorted((audio / "esc50" / "audio").glob("*.ogg")):
        fold, recording = file.stem.split("-")[:2]
        rows.append((f"field notes/day {fold}/{file.stem}.ogg", "outside", f"r{recording}", file))
    for file in sorted((audio / "ravdess").glob("*/*.flac")):
        _, _, emotion, intensity, statement, _, actor = file.stem.split("-")
        group = f"{actor}-{emotion}-{intensity}-{statement}"  # two takes of one sentence
        rows.append((f"booth/{actor}/take {file.stem}.flac", "voice", group, file))
    for file in sorted((audio / "gtzan").rglob("*.flac")):
        rows.append((f"radio/{file.stem}.flac", "music", file.stem, file))
    for path, *_, file in rows:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(file)
    table = root / "clips.csv"
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label", "group"])
        writer.writerows(row[:3] for row in rows)
    return table


@pytest.mark.data
@pytest.mark.slow
def test_a_folder_of_real_clips_becomes_a_table(shared_data: Path, tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "mybirds"
    table = collection(shared_data, root)
    count = len(table.read_text().splitlines()) - 1

    added = repro(home, "data", "add", "mybirds", str(root), "--manifest", str(table))
    assert added.returncode == 0, added.stderr
    assert f"mybirds: {count} of {count} clips" in added.stdout
    assert repro(home, "data", "verify", "mybirds").stdout.count("undecodable") == 0

    on = ["table", TABLE, "--on", "mybirds", "--profile", "demo"]
    planned = repro(home, *on, "--dry-run")
    assert "needs mybirds" not in planned.stdout
    done = repro(home, *on, "--only", "asm-rh", "--seeds", "0", "--format", "json")
    assert done.returncode in (0, 3), done.stderr
    made = json.loads(done.stdout)
    assert "ON mybirds" in made["marks"]
    cell = next(c for c in made["cells"] if (c["row"], c["column"]) == ("t-acc", "ASM-RH"))
    assert cell["n_done"] == 1
    assert 0 <= cell["ours"] <= 100
    assert cell["verdict"] == "NO VERDICT"

    (record,) = (home / "runs").glob("*/*/run.json")
    run = json.loads(record.read_text())
    assert sum(run["clips_used"].values()) <= count
    assert run["clips"]["protocol"] == "grouped"
    assert run["resolved"]["classes"] == 3

    text = repro(home, *on, "--only", "asm-rh", "--seeds", "0", "--render-only").stdout
    title = text.splitlines()[0]
    assert "[ON mybirds]" in title
    assert "[DEMO]" in title
    assert "Protocol grouped: what mybirds calls for." in text
    assert "Split of mybirds: whole groups drawn at random: 0.2 test, 0.1 validation." in text
