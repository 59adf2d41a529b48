"""Another distribution may own a package `repro`: one line says so, wherever it stands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import repro
from repro.commands.doctor import command as doctor
from repro.errors import UserError

CHECKOUT = Path(repro.__file__).resolve().parents[1]
NAMED = "the distribution repro 0.1.6 is installed here too, and both own repro/__init__.py"


def distribution(site: Path, name: str, version: str, files: dict[str, str]) -> None:
    """Install a distribution as pip leaves one: its files, METADATA and RECORD."""
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    files = files | {f"{folder}/METADATA": f"Name: {name}\nVersion: {version}\n"}
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    (site / folder / "RECORD").write_text("".join(f"{path},,\n" for path in files))


@pytest.fixture
def theirs(tmp_path):
    """The other `repro`, in a folder of its own: what it has of files, without their content."""
    site = tmp_path / "theirs"
    empty = dict.fromkeys(("repro/commands/__init__.py", "repro/data/__init__.py"), "")
    files = {"repro/__init__.py": 'from repro.version import VERSION as __version__\n',
             "repro/version.py": 'VERSION = "0.1.6"\n', **empty}  # fmt: skip
    distribution(site, "repro", "0.1.6", files)
    return site


def launch(*path: Path) -> "subprocess.CompletedProcess[str]":
    """Start the entry point where packages are found in these folders, then beside click."""
    line = "from audio_table_repro import main; main()"
    folders = [*path, Path(click.__file__).parents[1]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    command = [sys.executable, "-P", "-S", "-c", line, "list"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")


def refused(done, said):
    assert (done.returncode, done.stdout) == (2, "")
    error, step = done.stderr.splitlines()
    assert said in error
    assert step.startswith("Next:  install audio-table-repro again")


def test_where_theirs_is_found_first_the_entry_says_so(theirs):
    """As with an editable install, whose folder comes after the site's."""
    refused(launch(theirs, CHECKOUT), NAMED)


def test_where_ours_is_found_first_it_works_and_the_doctor_says_so(theirs, monkeypatch):
    assert launch(CHECKOUT, theirs).returncode == 0
    monkeypatch.syspath_prepend(str(theirs))
    with pytest.raises(UserError, match=r"repro 0\.1\.6 is installed here too"):
        doctor._package(None)


def test_where_one_has_taken_files_of_the_other_along_the_entry_says_so(tmp_path):
    """pip uninstall repro removes repro/__init__.py, whoever wrote it last."""
    site = tmp_path / "site"
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "repro", site / "repro", ignore=skip)
    shutil.copy(CHECKOUT / "audio_table_repro.py", site)
    (site / "repro" / "__init__.py").unlink()
    refused(launch(site), "the package repro is not whole here")


def test_a_package_that_is_not_installed_is_named(tmp_path):
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError(name='click')\n")
    refused(launch(tmp_path, CHECKOUT), "click is not installed")


def test_the_doctor_finds_files_that_are_not_as_pip_left_them(tmp_path, monkeypatch):
    """SHA-256 of "x": 2d711642...; in RECORD as URL-safe base64, without padding."""
    site = tmp_path / "site"
    distribution(site, "audio-table-repro", "0.1.0", {"repro/a.py": "x", "repro/b.py": "x"})
    record = site / "audio_table_repro-0.1.0.dist-info" / "RECORD"
    told = "sha256=LXEWQrcmsEQBYnyp-6wy9chTD7GQPMTbAiWHF5IaSIE"
    record.write_text("".join(f"repro/{name}.py,{told},1\n" for name in "abc"))
    (site / "repro" / "b.py").write_text("y")
    monkeypatch.syspath_prepend(str(site))
    assert doctor._changed(site) == ["repro/b.py", "repro/c.py"]


def test_the_doctor_is_content_with_this_installation():
    assert "audio-table-repro" in doctor._package(None)
