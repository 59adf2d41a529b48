"""A table that trains in a second: ASM-RH's Table I with its demo cut to 70 clips and 3 epochs.

All augmentations stay on, so that whatever is drawn at random is drawn in these runs too.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from repro import places
from repro.places import Home
from repro.plan.planning import plan_table
from repro.plan.request import Request, Run
from repro.spec import catalogue
from repro.spec.entry import Entry

TABLE = "asmrh-speechcommands"
DEMO = """[recipes.speechcommands.demo]
clips = { train = 70, valid = 35, test = 35 }
frontend = { frames = 64 }
model = { width = 16, depth = 1, token_hidden = 8, channel_hidden = 16 }

[recipes.speechcommands.demo.recipe]
epochs = EPOCHS
batch = BATCH
precision = "fp32"
optimizer = { lr = LR }
augment = { freq_mask = 12, time_mask = 12 }

"""
# Threads that wait do not spin, which on a busy machine takes many times as long; no bit depends
# on it.
QUIET = {"OMP_WAIT_POLICY": "passive", "REPRO_CHECKPOINT_SECONDS": "0"}
# The command line with other tables than the shipped ones.
_LAUNCH = """
import sys
from pathlib import Path
from repro import places
tables, original = Path(sys.argv.pop(1)), places.shipped
places.shipped = lambda folder: tables if folder == "tables" else original(folder)
from repro.commands._entry import main
main()
"""


def tables(folder: Path, lr: float = 2e-3, batch: int = 32, epochs: int = 3) -> Path:
    """Copy the shipped tables into `folder`, with the small demo; return their root."""
    root = folder / "tables"
    shutil.copytree(places.shipped("tables"), root)
    recipes = root / "asmrh" / "recipes.toml"
    block = re.compile(r"^\[recipes\.speechcommands\.demo\]\n.*?^(?=\[)", re.MULTILINE | re.DOTALL)
    demo = DEMO
    for name, value in (("LR", lr), ("BATCH", batch), ("EPOCHS", epochs)):
        demo = demo.replace(name, str(value))
    text, replaced = block.subn(demo, recipes.read_text())
    assert replaced == 1
    recipes.write_text(text)
    return root


def entry(root: Path) -> Entry:
    """Return the small table."""
    return catalogue.load_file(root / "asmrh" / "speechcommands.toml")


def home(root: Path) -> Home:
    """Return a home that lies in one folder."""
    return Home(root=root, data=root / "data", cache=root / "cache")


def run(root: Path, system: str = "asm-rh", seed: int = 0) -> Run:
    """Return a run of the small table."""
    request = Request(profile="demo", audio="generated")
    plan = plan_table(entry(root), request, home(root.parent / "unused"))
    return next(r for r in plan.runs if (r.system, r.seed) == (system, seed))


def command(root: Path, *words: str) -> list[str]:
    """Return the command `repro ...` that finds its tables at `root`."""
    return [sys.executable, "-P", "-c", _LAUNCH, str(root), *words]


def start(
    root: Path, *words: str, cwd: Path | str = "/", **environment: str
) -> "subprocess.Popen[str]":
    """Start `repro ...`; every epoch makes a checkpoint."""
    return subprocess.Popen(
        command(root, *words),
        cwd=cwd,
        env={**os.environ, **QUIET, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
