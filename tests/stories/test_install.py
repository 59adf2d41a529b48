"""The wheel carries tables and manifests: installed elsewhere, it works from any folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_an_installed_wheel_lists_and_renders_from_any_folder(tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), str(CHECKOUT)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(site), "REPRO_HOME": str(tmp_path / "home")}

    def repro(*words: str) -> str:
        launch = "import repro, sys; assert 'site' in repro.__file__; "
        launch += "from repro.commands._entry import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", launch, *words],
            cwd="/",
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode in (0, 4), done.stderr
        return done.stdout

    assert "asmrh-speechcommands" in repro("list")
    printed = repro("table", "asmrh-speechcommands", "--render-only")
    assert "92.92" in printed
    assert "NOT RUN" in printed


def test_the_launcher_is_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "cli.py"), "list", "--paper", "asmrh"],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "asmrh-speechcommands" in done.stdout
