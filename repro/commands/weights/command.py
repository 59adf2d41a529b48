"""List, fetch and add the published weights that systems start from."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repro import places
from repro.commands.shared import asking, screen
from repro.commands.shared.counter import Counter
from repro.weights import published

if TYPE_CHECKING:
    from repro.weights.store import Located


@click.group()
def command() -> None:
    """List, fetch and add the published weights that systems start from.

    \b
    Examples:
      repro weights list
      repro weights fetch DeiT
      repro weights fetch "AST AudioSet" --trust
      repro weights add HDemucs ~/hdemucs_high_musdbhq_only.pt
    """


@command.command("list")
@asking.home_option
@asking.text_or_json
def list_(home: str | None, fmt: str) -> None:
    """List the weights: for which systems, whether they are here, hash, licence.

    \b
    Examples:
      repro weights list
      repro weights list --format json
    """
    data = places.home(home).data
    users = _users()
    rows = [_row(name, users.get(name, []), data) for name in published.names()]
    if fmt == "json":
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    width = max(len(row["name"]) for row in rows)
    screen.say(
        f"{name:<{width}}  {text}"
        for row in rows
        for name, text in (
            (row["name"], row["title"]),
            ("", f"for {', '.join(row['systems'])}"),
            ("", f"{_here(row)}; {row['licence']}"),
        )
    )


def _users() -> dict[str, list[str]]:
    """Return name -> the systems that start from these weights, as <paper>/<system>.

    Of rivals: <file>/<system>.
    """
    from repro.spec.index import folder_of, paper_ids
    from repro.spec.rivals import rivals
    from repro.spec.schema import Recipes, read

    systems = [
        (paper, name, system)
        for paper in paper_ids()
        for name, system in read(folder_of(paper) / "recipes.toml", Recipes).systems.items()
    ]
    systems += [(r.file.stem, name, r.about.systems[name]) for name, r in rivals().items()]
    found: dict[str, list[str]] = {}
    for of, name, system in systems:
        for parent in system.init:
            if parent.kind == "weights":
                found.setdefault(parent.name, []).append(f"{of}/{name}")
    return found


def _row(name: str, systems: list[str], data: Path) -> dict[str, Any]:
    """Return what the list says of weights."""
    from repro.weights import store

    card = published.card(name)
    there = store.located(name, data)
    return {
        "name": name,
        "title": card.title,
        "systems": systems,
        "here": there is not None,
        "file": str(there.path) if there else None,
        "sha256": there.sha256 if there else None,
        "hash_stated": there.stated if there else None,
        "next_step": None if there else store.next_step(name),
        "megabytes": card.megabytes,
        "licence": card.licence,
    }


def _here(row: dict[str, Any]) -> str:
    if not row["here"]:
        size = f", {row['megabytes']:g} MB" if row["megabytes"] else ""
        return f"not here{size} ({row['next_step']})"
    stated = "" if row["hash_stated"] else ", which no source states"
    return f"here, SHA-256 {row['sha256'][:12]}{stated}"


@command.command()
@click.argument("name")
@asking.home_option
@asking.text_or_json
def show(name: str, home: str | None, fmt: str) -> None:
    """Show weights: where they come from, how they are checked, which file is here.

    \b
    Examples:
      repro weights show DeiT
      repro weights show "AST AudioSet" --format json
    """
    card = published.card(name)
    row = _row(name, _users().get(name, []), places.home(home).data)
    row["page"] = card.page
    row["sources"] = [{"url": s.url, "check": _check(s)} for s in card.sources]
    row["tensors"] = {tensor: list(shape) for tensor, shape in card.shapes.items()}
    if fmt == "json":
        click.echo(json.dumps(row, indent=1, ensure_ascii=False))
        return
    lines = [f"{name}: {row['title']}", f"for      {', '.join(row['systems'])}"]
    lines += [f"licence  {row['licence']}", f"page     {row['page']}"]
    for source in row["sources"]:
        lines += [f"from     {source['url']}", f"         {source['check']}"]
    lines += [f"holds    {tensor} {shape}" for tensor, shape in card.shapes.items()]
    lines += [_here(row)]
    if row["here"]:
        lines += [f"file     {row['file']}", f"sha256   {row['sha256']}"]
    screen.say(lines)


def _check(source: published.Source) -> str:
    """Say how a source's file is checked."""
    if len(source.digits) == published.SHA256:
        return "its repository states its SHA-256"
    if source.digits:
        return f"its SHA-256 starts with {source.digits}, as its name says"
    if source.revision:
        return f"the hub states its SHA-256 at revision {source.revision}"
    return "no source states its hash: --trust takes what comes"


@command.command()
@click.argument("name")
@click.option("--trust", is_flag=True, help="Accept a file whose hash no source states.")
@asking.home_option
@asking.text_or_json
def fetch(name: str, trust: bool, home: str | None, fmt: str) -> None:
    """Download weights and check them; the same command again continues.

    \b
    Examples:
      repro weights fetch DeiT
      repro weights fetch HDemucs --trust
    """
    from repro.weights import store

    card = published.card(name)
    # Of JSON the answer stands alone on standard output.
    click.echo(f"{card.title}\nlicence  {card.licence}", err=fmt == "json")

    def note(text: str) -> None:
        click.echo(text, err=True)

    with Counter(f"fetch {name}", "bytes") as down:
        there = store.fetch(name, places.home(home).data, trust, down, note)
    _say(name, there, fmt)


@command.command()
@click.argument("name")
@click.argument("file", metavar="FILE", type=asking.NamedPath())
@asking.home_option
@asking.text_or_json
def add(name: str, file: Path, home: str | None, fmt: str) -> None:
    """Copy a file of weights into the home, if it holds what it should.

    \b
    Examples:
      repro weights add DeiT ~/deit_base_distilled_patch16_384-d0272ac0.pth
      repro weights add "AST AudioSet" ~/audioset_10_10_0.4593.pth
    """
    from repro.weights import store

    there = store.add(name, file, places.home(home).data)
    _say(name, there, fmt)


def _say(name: str, there: "Located", fmt: str) -> None:
    """Say which file is here now, and whether a source states its hash."""
    if fmt == "json":
        about = {"name": name, "file": str(there.path), "sha256": there.sha256,
                 "hash_stated": there.stated}  # fmt: skip
        click.echo(json.dumps(about, indent=1))
        return
    click.echo(f"file     {there.path}")
    stated = "as stated" if there.stated else "no source states it"
    click.echo(f"sha256   {there.sha256} ({stated})")
