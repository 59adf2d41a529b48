"""`repro data stats` and `repro data show`: let a person look."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repro import atomic, places
from repro.commands.shared import asking, suggesting

if TYPE_CHECKING:
    from repro.data.look import Stats


@click.command()
@click.argument("name")
@asking.home_option
@asking.text_or_json
def stats(name: str, home: str | None, fmt: str) -> None:
    """Count the clips that are here by class, length, rate, channels and format.

    \b
    Examples:
      repro data stats urbansound8k
      repro data stats urbansound8k --format json
    """
    from repro.data import look

    suggesting.begins_anew()
    found = look.stats(name, places.home(home).data)
    if fmt == "json":
        click.echo(json.dumps(look.as_dict(found), indent=1))
    else:
        click.echo("\n".join(_lines(name, found)))


def _lines(name: str, found: "Stats") -> list[str]:
    shortest, median, longest = found.seconds
    lines = [
        f"{name}: {found.clips:,} clips here, {found.groups:,} groups, {found.hours:.2f} h",
        f"seconds   {shortest:.3f} to {longest:.3f}, median {median:.3f}",
    ]
    for what, counts in (
        ("Hz", found.rates),
        ("channels", found.channels),
        ("format", found.formats),
    ):
        each = ", ".join(f"{key} ({count:,})" for key, count in sorted(counts.items()))
        lines.append(f"{what:<9} {each}")
    width = max(map(len, found.classes))
    lines += [f"  {k:<{width}}  {here:>6,} of {of:,}" for k, (here, of) in found.classes.items()]
    return lines


@click.command()
@click.argument("name")
@click.argument("clip")
@click.option("-o", "--output", type=asking.NamedPath(), help="Draw it here (x.png).")
@asking.home_option
@asking.text_or_json
def show(name: str, clip: str, output: Path | None, home: str | None, fmt: str) -> None:
    """Show one clip: its label, group and part, and with -o its waveform and spectrogram.

    \b
    Examples:
      repro data show esc50 1-100032-A-0.wav
      repro data show esc50 1-100032-A-0.wav -o dog.png
    """
    from repro.data import look
    from repro.data.decoding import decode

    found, file = look.find(name, clip, places.home(home).data)
    info = decode.header(file)
    told = (
        f"clip   {found.id}\nlabel  {found.label}\ngroup  {found.group}\n"
        f"part   {found.part or 'none'}\nfile   {file}\n"
        f"audio  {info.seconds:.3f} s, {info.rate:,} Hz, {info.channels} channels, "
        f"{info.container} {info.coding}"
    )
    if fmt == "json":
        about = {"clip": found.id, "label": found.label, "group": found.group,
                 "part": found.part or None, "file": str(file), "seconds": info.seconds,
                 "rate": info.rate, "channels": info.channels, "container": info.container,
                 "coding": info.coding}  # fmt: skip
        told = json.dumps(about, indent=1, ensure_ascii=False)
    aside = output is not None and atomic.standard_output(output)
    click.echo(told, err=aside)
    if output is not None:
        look.picture(found, file, output)
    if output is not None and not aside:
        click.echo(f"wrote {output}", err=True)
