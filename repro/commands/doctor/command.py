"""Check that this machine can do what will be asked of it."""

import base64
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import click

import audio_table_repro
import repro
from repro import places
from repro.commands.doctor import trying
from repro.commands.shared import asking, screen, suggesting, writing
from repro.data import registry, sources
from repro.errors import UserError
from repro.places import Home
from repro.records.ledger import Ledger
from repro.spec import catalogue, index

NEEDED_FREE = 6e9  # bytes: the installation, a dataset's waveforms, records
_TRIAL = f"""
import json, sys
sys.path.insert(0, {str(Path(repro.__file__).parent.parent)!r})
import torch, torchaudio
from repro.train.hardware import cards
torch.use_deterministic_algorithms(True)
torch.nn.functional.linear(torch.ones(2, 2), torch.ones(2, 2))
count = torch.cuda.device_count()
faults = {{n: cards.unusable(n) for n in range(max(count, cards.DRIVER.is_file()))}}
print(json.dumps(dict(
    torch=f"torch {{torch.__version__}}, torchaudio {{torchaudio.__version__}}",
    cards=[torch.cuda.get_device_name(n) for n, fault in faults.items() if not fault],
    faults=[fault for fault in faults.values() if fault],
)))
"""


@click.command()
@click.option("--selftest", is_flag=True, help="Try a device out instead: about two minutes.")
@click.option("--device", metavar="cpu|cuda:0", help="With --selftest: this one (default: cpu).")
@click.option("--threads", type=click.IntRange(1, 256), default=2, show_default=True,
              help="With --selftest: CPU threads of a process.")  # fmt: skip
@asking.home_option
@asking.text_or_json
@writing.output_option
def command(
    selftest: bool,
    device: str | None,
    threads: int,
    home: str | None,
    fmt: str,
    output: Path | None,
) -> None:
    """Check Python, PyTorch, folders, tables, data and the ledger; exit 1 if something is wrong.

    With --selftest a device is tried out, in processes of their own: what it says of itself, single
    operations, features and a gradient against the CPU, how fast it is, and four small trainings,
    whose weights have to be equal every time, in another process, beside another run, after
    SIGKILL, and in a full memory. FAIL: results cannot be trusted; SLOW: they can, and take longer.
    The rates of a card are recorded, and plans count with them.

    \b
    Examples:
      repro doctor
      repro doctor --format json
      repro doctor --device cuda:0 --selftest
      repro doctor --device cuda:0 --selftest --format json -o selftest.json
    """
    where = places.home(home)
    if output is not None:
        writing.check(output)
    if selftest:
        passed = trying.run(asking.devices(None, device)[0], threads, where, fmt, output)
        click.get_current_context().exit(0 if passed else 1)
    checks: list[tuple[str, Callable[[Home], str]]] = [
        ("python", _python),
        ("package", _package),
        ("torch", _torch),
        ("cards", _cards),
        ("audio", _audio),
        ("home", _home),
        ("disk", _disk),
        ("tables", _tables),
        ("ledger", _ledger),
        ("data", _data),
    ]
    results = []
    for name, check in checks:
        try:
            results.append({"check": name, "ok": True, "text": check(where)})
        except OSError as error:
            text = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
            results.append({"check": name, "ok": False, "text": text})
        except UserError as error:
            step = f" -> {suggesting.completed(error.next_step)}" if error.next_step else ""
            results.append({"check": name, "ok": False, "text": f"{error.message}{step}"})
    words = ["ok  " if result["ok"] else "FAIL" for result in results]
    lines = [
        f"{word}  {result['check']:<7}  {result['text']}"
        for word, result in zip(words, results, strict=True)
    ]
    if fmt == "json":
        writing.write(json.dumps(results, indent=1) + "\n", output)
    elif output is not None:
        writing.write("\n".join(lines) + "\n", output)
    else:
        screen.say(lines)
    click.get_current_context().exit(0 if all(result["ok"] for result in results) else 1)


def _python(_: Home) -> str:
    if sys.platform == "win32":
        raise UserError("Windows is not supported", "use WSL")
    return f"Python {sys.version.split()[0]} on {sys.platform}"


def _package(_: Home) -> str:
    """Check that no other distribution has a hand in the package, and that its files are whole."""
    if both := audio_table_repro.clash():
        raise UserError(both, audio_table_repro.MEND)
    root = Path(repro.__file__).parent
    if changed := _changed(root.parent):
        shown = ", ".join(changed[:3]) + (", ..." if len(changed) > 3 else "")
        raise UserError(
            f"{len(changed)} files are not as installed: {shown}", audio_table_repro.MEND
        )
    return f"{audio_table_repro.NAME} {repro.__version__} in {root}"


def _changed(site: Path) -> list[str]:
    """Return the files of the package that are gone or other than pip noted; none in a checkout."""
    try:
        files = metadata.distribution(audio_table_repro.NAME).files or []
    except metadata.PackageNotFoundError:
        return []
    noted = {str(f): f.hash for f in files if f.hash and f.hash.mode == "sha256"}
    found = []
    for name, told in noted.items():
        path = site / name
        if name.startswith("repro/") and name.endswith(".py"):
            data = path.read_bytes() if path.is_file() else b""
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            found += [name] * (digest != told.value)
    return found


def _torch(_: Home) -> str:
    return str(_tried()["torch"])


def _cards(_: Home) -> str:
    """Launch a kernel on every card; a driver without a card that answers is a fault too."""
    tried = _tried()
    if tried["faults"]:
        raise UserError("; ".join(tried["faults"]), "repro doctor, once that is mended")
    return ", ".join(tried["cards"]) or "none: training is on the CPU"


@functools.cache
def _tried() -> dict[str, Any]:
    """Import PyTorch and try it in a process of its own, as a worker does."""
    done = subprocess.run([sys.executable, "-c", _TRIAL], capture_output=True, text=True)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise UserError(
            f"PyTorch does not work: {last[0]}", "pip install torch==2.11.0 torchaudio==2.11.0"
        )
    tried: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return tried


def _audio(_: Home) -> str:
    import soundfile

    formats = [
        name for name in ("WAV", "FLAC", "OGG", "MP3") if name in soundfile.available_formats()
    ]
    return f"soundfile {metadata.version('soundfile')} reads {', '.join(formats)}"


def _home(where: Home) -> str:
    for folder in (where.root, where.data, where.cache):
        existing = _existing(folder)
        if not existing.is_dir() or not os.access(existing, os.W_OK):
            raise UserError(f"{folder} cannot be written", "point --home or REPRO_HOME elsewhere")
    return f"runs in {where.runs}, data in {where.data}, cache in {where.cache}"


def _disk(where: Home) -> str:
    existing = _existing(where.root)
    free = shutil.disk_usage(existing).free
    if free < NEEDED_FREE:
        raise UserError(
            f"{free / 1e9:.1f} GB free at {existing}; {NEEDED_FREE / 1e9:.0f} GB are needed"
        )
    return f"{free / 1e9:.0f} GB free"


def _tables(_: Home) -> str:
    entries = catalogue.load_all()
    return f"{len(entries)} tables of {len(index.paper_ids())} papers load"


def _ledger(where: Home) -> str:
    ledger = Ledger.of(where)
    records = list(ledger.all())
    lost = ledger.damaged()
    if lost:
        count, named = len(records) + len(lost), ", ".join(record.name for record in lost[:3])
        more = ", ..." if len(lost) > 3 else ""
        raise UserError(
            f"{len(records)} of {count} records are whole; damaged: {named}{more}",
            "repro runs check",
        )
    failed = sum(record.status == "failed" for record in records)
    more = f", {failed} of them failed runs" if failed else ""
    return f"{len(records)} records, all whole{more}"


def _data(where: Home) -> str:
    found = []
    for name in registry.names(where.data):
        located = sources.scanned(name, where.data)
        if located is not None:
            found.append(f"{name} ({located.coverage})")
    if bad := list(sources.unusable(where.data).values()):
        more = f" (and {len(bad) - 1} more: repro data list)" if len(bad) > 1 else ""
        raise UserError(f"{bad[0].message}{more}", bad[0].next_step)
    missing = "none registered; the demo needs none"
    return ", ".join(found) or missing


def _existing(folder: Path) -> Path:
    """Return the folder or the nearest of its parents that exists."""
    return next(p for p in (folder, *folder.parents) if p.exists())
