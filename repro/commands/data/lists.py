"""`repro data manifest`: the list of a dataset's clips, shown or made again."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repro import atomic, places
from repro.commands.shared import asking
from repro.data import lists, registry
from repro.data.folders import names
from repro.errors import UserError

if TYPE_CHECKING:
    from repro.data.lists import Manifest


@click.command("manifest")
@click.argument("name")
@click.option(
    "--rebuild",
    metavar="DIR",
    type=asking.NamedPath(),
    help="Make the list again from the dataset's own files.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE.csv.gz",
    type=asking.NamedPath(),
    help="Write the list here (-: to standard output).",
)
@asking.home_option
@asking.text_or_json
def show(name: str, rebuild: Path | None, output: Path | None, home: str | None, fmt: str) -> None:
    """Show a dataset's list of clips, or make it again; exit 1 if it is another one then.

    Where the list is yours to supply (AudioSet unbalanced, CASIA), --rebuild keeps it in the home,
    and another one takes the place of the one before.

    \b
    Examples:
      repro data manifest urbansound8k
      repro data manifest urbansound8k --rebuild ~/audio/UrbanSound8K
      repro data manifest audioset_unbalanced --rebuild ~/audioset
    """
    from repro.data import manifest
    from repro.data.own import listing

    data = places.home(home).data
    card = registry.card(name, data)
    # The first list of a new dataset is made before there is one to compare it with.
    new = rebuild is not None and card.clips is not None and not manifest.file_of(name).exists()
    known = manifest.load(name, data) if not new and manifest.available(name, data) else None
    listed = known
    if rebuild is not None:
        names.checked(places.absolute(rebuild), f"repro data manifest {name} --rebuild DIR")
        if not rebuild.is_dir():
            raise UserError(f"{rebuild} is not a folder", f"repro data manifest {name}")
        listed = listing.of_folder(name, rebuild, data, known)
        if (file := manifest.kept(name, data)) is not None:
            lists.write(listed, file)
            manifest.forget()
    elif known is None:
        raise UserError(f"{name}: its list is not shipped; {card.by_hand}", card.next_step)
    assert listed is not None
    if output is not None:
        lists.write(listed, output)
    said_aside = output is not None and atomic.standard_output(output)
    own = manifest.kept(name, data) is not None
    kept = rebuild is not None and own
    click.echo("\n".join(_lines(listed, rebuild, known, kept, fmt)), err=said_aside)
    same = known is None or own or listed == known
    click.get_current_context().exit(0 if same else 1)


def _lines(
    listed: "Manifest", rebuild: Path | None, known: "Manifest | None", kept: bool, fmt: str
) -> list[str]:
    """Say what a list holds, and how one that was made again compares with the known one."""
    about = {
        "dataset": listed.dataset,
        "clips": len(listed.clips),
        "classes": len(listed.classes),
        "groups": len({clip.group for clip in listed.clips}),
        "parts": listed.counts(),
        "hashes": len(listed.hashes),
        "lengths": len(listed.seconds),
        "digest": listed.digest,
        "as_committed": known is None or listed == known,
    }
    if fmt == "json":
        return [json.dumps(about, indent=1)]
    parts = ", ".join(f"{part or 'none'} {n:,}" for part, n in sorted(listed.counts().items()))
    lines = [
        f"{listed.dataset}: {about['clips']:,} clips, {about['classes']} classes, "
        f"{about['groups']:,} groups, {about['hashes']:,} with a hash, "
        f"{about['lengths']:,} with a length",
        f"parts   {parts}",
        f"digest  {listed.digest}",
    ]
    if rebuild is not None:
        lines.append(f"made from {rebuild}: {_compared(listed, known, kept)}")
    return lines


def _compared(listed: "Manifest", known: "Manifest | None", kept: bool) -> str:
    """Say how a list that was made again compares with the one that was known before."""
    if known is None:
        return "its first list"
    if listed == known:
        return "the same as the list that was known"
    new, old = set(listed.clips), set(known.clips)
    what = f"{len(new - old):,} clips are only here, {len(old - new):,} only there"
    if new == old:
        what = "the same clips, other hashes or lengths"
    taken = "; it takes that one's place" if kept else ""
    return f"NOT the same as the list that was known: {what}{taken}"
