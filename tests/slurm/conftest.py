"""A real Slurm of one node, if tests/slurm/start.sh has started it, and a table for it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import tiny

EPOCHS = 24


@pytest.fixture(scope="session", autouse=True)
def cluster() -> None:
    """Skip unless the Slurm made for these tests answers: no other is to get their jobs."""
    how = "export SLURM_CONF=$(tests/slurm/start.sh DIR)"
    conf = Path(os.environ.get("SLURM_CONF", "none"))
    if not conf.is_file() or "ClusterName=repro-test\n" not in conf.read_text():
        pytest.skip(f"no Slurm for tests: {how}")
    answer = subprocess.run(["sinfo", "--noheader"], capture_output=True, text=True)
    if answer.returncode != 0:
        pytest.skip(f"the Slurm of {conf} does not answer ({answer.stderr.strip()}): {how}")


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small table with more epochs, so that a run can be stopped on the way."""
    root = tiny.tables(tmp_path_factory.mktemp("slurm"))
    recipes = root / "asmrh" / "recipes.toml"
    text, replaced = re.subn(r"(?<=^epochs = )3$", str(EPOCHS), recipes.read_text(), flags=re.M)
    assert replaced == 1
    recipes.write_text(text)
    return root


@pytest.fixture(scope="session")
def path_with_repro(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which `repro` is the command that knows the small table."""
    folder = tmp_path_factory.mktemp("bin")
    program, *words = tiny.command(tables)
    code = words.pop(2)
    (folder / "launch.py").write_text(code)
    line = f'exec "{program}" -P "{folder}/launch.py" "{tables}" "$@"\n'
    (folder / "repro").write_text("#!/bin/sh\n" + line)
    (folder / "repro").chmod(0o755)
    assert shutil.which("repro", path=str(folder))
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
