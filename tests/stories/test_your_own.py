"""docs/your-own.md, followed literally: from a CSV to a table with two systems, and to labels."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "your-own.md").read_text(encoding="utf-8")
SPEAKERS = ("97f4c236", "6a27a9bf", "563aa4e6", "93ec8b84", "439c84f4", "b87bdb22")
SHORT = ("no", "on", "off", "go", "up", "bed", "two", "one", "six")


def words(shared: Path, folder: Path) -> dict[str, str]:
    """Write real clips of six speakers in a layout of their own, at 8 kHz; return their labels."""
    rows = []
    for file in sorted((shared / "audio" / "speech_commands_v0.02").rglob("*.flac")):
        speaker, _, take = file.stem.split("_")
        if speaker in SPEAKERS:
            samples, rate = soundfile.read(file)
            word = file.parent.name
            path = folder / speaker / f"{word}-{take}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, (samples[:-1:2] + samples[1::2]) / 2, rate // 2)
            label = "short" if word in SHORT else "long"
            rows.append((path.relative_to(folder).as_posix(), label, speaker))
    with (folder / "clips.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "label", "group"), *rows])
    return {path: label for path, label, _ in rows}


def blocks() -> list[tuple[str, list[str]]]:
    """Return every command of the page with the lines of output that it shows."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


@pytest.mark.data
@pytest.mark.slow
def test_the_page_is_followed_literally(shared_data: Path, tmp_path: Path) -> None:
    labels = words(shared_data, tmp_path / "words")
    home = tmp_path / "home"
    environment = {**os.environ, "REPRO_HOME": str(home), "COLUMNS": "200"}

    def repro(line: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(CHECKOUT / "cli.py"), *shlex.split(line)[1:]]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    best, said = "", {}
    for line, shown in blocks():
        done = repro(line.replace("RUN", best))
        assert done.returncode == (3 if "--dry-run" in line else 0), (line, done.stderr)
        assert [shown_line for shown_line in shown if shown_line not in done.stdout] == []
        said[" ".join(line.split()[1:3])] = done.stdout
        if line.startswith("repro runs list"):
            rows = json.loads(repro(f"{line} --format json").stdout)
            best = next(row["run"] for row in rows if row["system"] == "mynet")
            _check_table(json.loads(repro(
                "repro table m3net-speechcommands --on words --systems m3net-1s,mynet --profile "
                "demo --seeds 0 --render-only --format json"
            ).stdout))  # fmt: skip
            _check_run(repro, best, labels)
    assert "confusion" in said["runs show"]
    assert "asked by   repro table m3net-speechcommands" in said["runs show"]
    assert said["predict RUN"].splitlines()[0] == "file,label,score,long,short"
    assert not re.search("^words ", repro("repro data list").stdout, re.MULTILINE)


def _check_table(made: dict) -> None:
    """Assert two systems side by side on real pairs, and nothing printed."""
    cells = {(cell["row"], cell["column"]): cell for cell in made["cells"]}
    assert {row for row, _ in cells} == {"M3Net", "mynet"}
    for cell in cells.values():
        assert (cell["printed"], cell["delta"]) == ("", None)
        assert cell["ours"] is not None
    assert cells["mynet", "accuracy"]["n_done"] == 6
    (pair,) = made["comparisons"]
    assert pair["n"] == [6]  # six folds that both have
    assert 0 < pair["p"] <= 1
    assert "ON words" in made["marks"]


def _check_run(repro, run: str, labels: dict[str, str]) -> None:
    """Assert that errors are those of the clips, and that predict gives the recorded scores."""
    (read,) = json.loads(repro(f"repro runs show {run} --format json").stdout)
    matrix = np.array(read["errors"]["confusion"])
    assert matrix.sum() == read["metrics"]["test"]["n"]
    assert np.trace(matrix) == read["metrics"]["test"]["correct"]
    with np.load(Path(read["path"]) / "predictions.npz") as stored:
        ids = [name.decode() for name in stored["test_ids"]]
        scores = stored["test_scores"]
    assert [c["clips"] for c in read["errors"]["classes"]] == [
        sum(labels[name] == label for name in ids) for label in ("long", "short")
    ]
    files = " ".join(shlex.quote(f"words/{name}") for name in ids)
    done = repro(f"repro predict {run} {files} words/clips.csv --format json")
    assert done.returncode == 3
    assert "not read: words/clips.csv" in done.stderr
    again = json.loads(done.stdout)["predictions"]
    got = [[one["scores"][name] for name in ("long", "short")] for one in again]
    np.testing.assert_allclose(got, scores, atol=1e-5)
