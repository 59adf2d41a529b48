"""Look at a dataset: counts and lengths of its clips, and a picture of one."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repro import atomic
from repro.data import lists, manifest, registry, sources
from repro.data.decoding import decode
from repro.data.folders import names
from repro.errors import UserError, unknown

_WINDOW, _HOP = 0.025, 0.010  # seconds


@dataclass(frozen=True)
class Stats:
    """What the clips of a dataset that are here look like."""

    clips: int
    seconds: tuple[float, float, float]  # shortest, median, longest
    hours: float
    rates: dict[int, int]  # Hz -> clips
    channels: dict[int, int]
    formats: dict[str, int]
    classes: dict[str, tuple[int, int]]  # class -> clips here, clips in all
    groups: int


def stats(dataset: str, data: Path) -> Stats:
    """Read the headers of the clips that are here; UserError if no folder is registered."""
    there = _located(dataset, data)
    listed = manifest.load(dataset, data)
    infos = []
    for file in there.found.values():
        try:
            infos.append(decode.header(file))
        except decode.UndecodableError:
            continue  # verify names it
    if not infos:
        raise UserError(f"no clip of {dataset} can be read", f"repro data verify {dataset}")
    seconds = [info.seconds for info in infos]
    counts = {
        name: Counter(label for clip in clips for label in clip.label.split(";"))
        for name, clips in (
            ("here", [c for c in listed.clips if c.id in there.found]),
            ("all", listed.clips),
        )
    }
    return Stats(
        clips=len(there.found),
        seconds=(min(seconds), float(np.median(seconds)), max(seconds)),
        hours=sum(seconds) / 3600,
        rates=dict(Counter(info.rate for info in infos)),
        channels=dict(Counter(info.channels for info in infos)),
        formats=dict(Counter(f"{info.container} {info.coding}" for info in infos)),
        classes={label: (counts["here"][label], counts["all"][label]) for label in listed.classes},
        groups=len({c.group for c in listed.clips if c.id in there.found}),
    )


def find(dataset: str, clip: str, data: Path) -> tuple[lists.Clip, Path]:
    """Return a clip and its file; the end of its id is enough where it is the only one."""
    there = _located(dataset, data)
    listed = (c for c in manifest.load(dataset, data).clips if c.id in there.found)
    fitting = [c for c in listed if c.id.endswith(clip)]
    exact = [c for c in fitting if c.id == clip] or fitting
    if len(exact) > 1:
        raise UserError(f"{clip!r} is the end of {len(exact):,} clips, such as {exact[0].id}",
                        f"repro data show {dataset} {names.quoted(exact[0].id)}")  # fmt: skip
    if not exact:
        raise unknown(f"clip of {dataset} that is here", clip, there.found,
                      f"repro data show {dataset} {names.quoted(next(iter(there.found)))}"
                      )  # fmt: skip
    return exact[0], Path(there.found[exact[0].id])


def picture(clip: lists.Clip, file: Path, output: Path) -> None:
    """Draw waveform and spectrogram of a clip, channels averaged, into a file such as x.png."""
    from matplotlib.backend_bases import FigureCanvasBase
    from matplotlib.figure import Figure

    kind = output.suffix[1:].lower() or "png"
    kinds = FigureCanvasBase.get_supported_filetypes()
    if kind not in kinds:
        raise UserError(f"-o {output}: pictures are {', '.join(kinds)}", "-o clip.png")
    heard = decode.read(file)
    rate, wave = heard.header.rate, heard.mono.astype(np.float64)
    figure = Figure(figsize=(9, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(np.arange(len(wave)) / rate, wave, linewidth=0.4)
    above.set(ylabel="amplitude", title=f"{clip.id}: {clip.label}, {rate:,} Hz", ylim=(-1, 1))
    level = spectrogram(wave, rate)
    extent = (0.0, len(wave) / rate, 0.0, rate / 2000)
    image = below.imshow(
        level.T, origin="lower", aspect="auto", extent=extent, vmin=level.max() - 80
    )
    below.set(xlabel="seconds", ylabel="kHz")
    figure.colorbar(image, ax=below, label="dB")
    with atomic.output(output) as stream:
        figure.savefig(stream, dpi=110, format=kind)


def spectrogram(wave: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Return power in dB, shape (frames, bins): Hann windows of 25 ms, every 10 ms."""
    window, hop = max(2, round(_WINDOW * rate)), max(1, round(_HOP * rate))
    padded = np.pad(wave, (0, max(0, window - len(wave))))
    starts = np.arange(0, len(padded) - window + 1, hop)
    frames = padded[starts[:, None] + np.arange(window)] * np.hanning(window)
    power: NDArray[np.float64] = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    return 10 * np.log10(power + 1e-10)


def as_dict(found: Stats) -> dict[str, Any]:
    """Return plain data."""
    return {**found.__dict__, "classes": {k: list(v) for k, v in found.classes.items()}}


def _located(dataset: str, data: Path) -> sources.Located:
    registry.card(dataset, data)  # of a name that is none, nothing else is to be said
    there = sources.located(dataset, data)
    if there is None:
        raise UserError(
            f"no folder is registered for {dataset}", next_step=f"repro data add {dataset} DIR"
        )
    return there
