"""List, fetch, add and verify the datasets."""

import json
from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.data import check, lists, look
from repro.commands.shared import asking, fetching, screen
from repro.data import evidence, registry, sources
from repro.data.folders import derived, registered
from repro.errors import UserError


@click.group()
def command() -> None:
    """List, fetch, add and verify the datasets.

    \b
    Examples:
      repro data list
      repro data fetch esc50
      repro data add speech_commands_v2_35 ~/audio/speech_commands
      repro data verify speech_commands_v2_35
      repro data remove mybirds
    """


@command.command("list")
@asking.home_option
@asking.text_or_json
def list_(home: str | None, fmt: str) -> None:
    """List the datasets: clips, how many are here, licence, source.

    What is here was counted when the folder was added; `repro data verify` counts again.

    \b
    Examples:
      repro data list
      repro data list --format json
    """
    data = places.home(home).data
    rows = [_row(name, data) for name in registry.names(data)]
    if fmt == "json":
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    width = max(len(row["dataset"]) for row in rows)
    screen.say(
        f"{name:<{width}}  {text}"
        for row in rows
        for name, text in (
            (row["dataset"], row["title"]),
            ("", f"{_here(row)}; {row['licence']}; evidence: {row['evidence']}"),
            ("", row["source"]),
        )
    )


def _row(name: str, data: Path) -> dict[str, Any]:
    """Return what the list says of a dataset."""
    noted, damaged = None, None
    try:
        card = registry.card(name, data)
    except UserError as error:  # the others are listed all the same
        return _damaged(name, f"{error.message}: {error.next_step}")
    try:
        noted = registered.read(name, data)
    except UserError as error:
        damaged = f"{error.message}: {error.next_step}"
    why = noted.refused if noted else ""
    return {
        "dataset": name,
        "title": card.title,
        "clips": card.clips,
        "listed": noted.total if noted else card.clips,
        "here": noted.found if noted else 0,
        "share": noted.share if noted else 0.0,
        "needed_share": card.min_share,
        "folder": str(noted.folder) if noted else None,
        "folder_exists": not why if noted else None,
        "folder_refused": why or None,
        "licence": card.licence,
        "source": card.source,
        "evidence": evidence.level(card, noted.origin if noted else {}),
        "origin": dict(noted.origin) if noted else {},
        "damaged": damaged,
    }


def _damaged(name: str, why: str) -> dict[str, Any]:
    """Return what the list says of a dataset of the user's that cannot be read."""
    return {
        "dataset": name,
        "title": f"{name} (your own data, which cannot be read)",
        "clips": None,
        "listed": None,
        "here": 0,
        "share": 0.0,
        "needed_share": None,
        "folder": None,
        "folder_exists": None,
        "folder_refused": None,
        "licence": "yours to know",
        "source": "unknown",
        "evidence": "unknown",
        "origin": {},
        "damaged": why,
    }


def _here(row: dict[str, Any]) -> str:
    if row["damaged"]:
        return str(row["damaged"])
    if row["clips"] is None and row["folder"] is None:
        return "its list is yours to supply"
    total = f"{row['clips'] or row['listed']:,} clips"
    if row["folder"] is None:
        return f"{total}, none here"
    gone = f", which {row['folder_refused']}" if row["folder_refused"] else ""
    percent = f"{row['share']:.0%}" if row["here"] == row["listed"] else f"{row['share']:.2%}"
    trusted = ", unverified" if row["origin"].get("verified") is False else ""
    made = f", {derived.told(row['origin']['derived'])}" if "derived" in row["origin"] else ""
    return f"{row['here']:,} of {total} ({percent}) in {row['folder']}{gone}{trusted}{made}"


@command.command()
@click.argument("name")
@click.argument("folder", metavar="DIR", type=asking.NamedPath())
@click.option(
    "--manifest",
    metavar="FILE.csv",
    type=asking.NamedPath(),
    help="Your own data: path and label of each clip, and if you like group, split or fold.",
)
@click.option(
    "--columns",
    metavar="NAME=COLUMN,...",
    help="Which column of FILE.csv is what; a path may be made of several: fold{fold}/{filename}.",
)
@asking.home_option
@asking.text_or_json
def add(
    name: str,
    folder: Path,
    manifest: Path | None,
    columns: str | None,
    home: str | None,
    fmt: str,
) -> None:
    """Register a folder as a dataset's audio; nothing is copied.

    A part of the clips is enough, and FLAC or Ogg of the same stem counts as the clip. With
    --manifest the folder becomes a dataset of your own: a table of path, label, and where there are
    such, group (what must not be split: speaker, recording) and split or fold. A column that is not
    known is refused unless --columns says what is used.

    \b
    Examples:
      repro data add speech_commands_v2_35 ~/audio/speech_commands
      repro data add mybirds ~/birds --manifest ~/birds/clips.csv
      repro data add myesc ESC-50/audio --manifest esc50.csv --columns path=filename,label=category
    """
    data = places.home(home).data
    if manifest is not None:
        from repro.data.own import adding, table

        asked = table.mapping(columns) if columns else {}
        added = adding.add(name, folder, manifest, data, asked)
        there, notes = added.there, added.notes
    elif columns is not None:
        raise UserError("--columns says which column of --manifest is what",
                        f"repro data add {name} DIR --manifest FILE.csv --columns {columns}"
                        )  # fmt: skip
    else:
        from repro.data.own import listing

        notes = listing.first(name, folder, data)
        there = sources.add(name, folder, data)
    card = registry.card(name, data)
    known = registered.read(name, data)
    made = known.origin.get("derived", {}) if known else {}
    if fmt == "json":
        about = {"dataset": name, "folder": str(there.root), "here": len(there.found),
                 "clips": there.total, "registration": str(there.registration),
                 "notes": list(notes), "derived": dict(made)}  # fmt: skip
        click.echo(json.dumps(about, indent=1))
        return
    click.echo(f"{name}: {there.coverage} in {there.root}")
    for note in [derived.told(made), *notes] if made else notes:
        click.echo(note)
    for clip, why in there.left_out.items():
        click.echo(f"left out: {clip} ({why})")
    if len(there.found) < card.min_share * there.total:
        click.echo("A table on this data needs --subset, and its title will say so.")


@command.command()
@click.argument("name")
@asking.home_option
@asking.text_or_json
def remove(name: str, home: str | None, fmt: str) -> None:
    """Forget a dataset's folder, and of your own data its list; no audio and no run is deleted.

    \b
    Examples:
      repro data remove mybirds
    """
    from repro.data.own import removing

    done = removing.remove(name, places.home(home).data)
    if fmt == "json":
        about = {"dataset": name, "own": done.own, "folder": done.folder and str(done.folder)}
        click.echo(json.dumps(about, indent=1))
        return
    where = f"; its audio stays in {done.folder}" if done.folder else ""
    click.echo(f"{name}: {'forgotten' if done.own else 'no longer registered'}{where}")


for verb in (fetching.fetch, lists.show, check.verify, check.prepare, check.trim,
             look.stats, look.show):  # fmt: skip
    command.add_command(verb)
