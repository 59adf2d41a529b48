"""`repro data fetch`, and the offer to fetch what a table lacks."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repro import places
from repro.commands.shared import asking, suggesting
from repro.commands.shared.counter import Counter
from repro.data import registry
from repro.errors import UserError

if TYPE_CHECKING:
    from repro.data.cards import Archive, Hub
    from repro.data.sources import Located
    from repro.plan.planning import TablePlan


@click.command()
@click.argument("name")
@click.option("--source", type=click.Choice(["archive", "hub"]),
              help="Fetch from here only (default: each source in order).")  # fmt: skip
@click.option("--trust", is_flag=True, help="Accept what no source states the hash of.")
@click.option("--keep", is_flag=True, help="Keep what was downloaded after it is unpacked.")
@click.option("--yes", is_flag=True, help="Do not ask; the licence is yours to keep to.")
@asking.home_option
@asking.text_or_json
def fetch(
    name: str, source: str | None, trust: bool, keep: bool, yes: bool, home: str | None, fmt: str
) -> None:
    """Download a dataset, check it, unpack it and register it; the same command again continues.

    Sources are an archive and, for some, a copy on the Hugging Face hub; the next one is asked
    where one does not have it. What no source states the hash of needs --trust, and is noted.

    \b
    Examples:
      repro data fetch esc50
      repro data fetch urbansound8k --source hub
      repro data fetch speech_commands_v2_35 --yes
      repro data fetch ravdess_song --trust
    """
    from repro.data.fetching import fetch as fetching

    data = places.home(home).data
    card = registry.card(name, data)
    wanted = fetching.copies(name, card, source)
    aside = fmt == "json"  # then the answer stands alone on standard output
    click.echo(f"{card.title}\nlicence  {card.licence}", err=aside)
    for kind, copy in wanted.items():
        click.echo(f"{kind:<8} {_about(copy)}", err=aside)
    click.echo(f"to       {data / name}", err=aside)
    if not yes and _terminal() and not click.confirm("Fetch it?", err=True):
        return
    there = _bring(name, data, trust, keep, source)
    if fmt == "json":
        about = {"dataset": name, "folder": str(there.root), "here": len(there.found),
                 "clips": there.total, "registration": str(there.registration)}  # fmt: skip
        click.echo(json.dumps(about, indent=1))
        return
    click.echo(_here(name, there))


def _here(name: str, there: "Located") -> str:
    """Say what of a dataset is here."""
    return f"{name}: {there.coverage} in {there.root}"


def _bring(
    name: str, data: Path, trust: bool, keep: bool = False, source: str | None = None
) -> "Located":
    """Fetch a dataset; return what is here then."""
    from repro.data.fetching import fetch as fetching

    def note(text: str) -> None:
        click.echo(text, err=True)

    with Counter(f"fetch {name}", "bytes") as down:
        return fetching.fetch(name, data, trust, fetching.Steps(down, None, note), keep, source)


def _about(copy: "Archive | Hub") -> str:
    """Say what is fetched: name, size, and what it is checked against."""
    from repro.data.cards import Archive

    size = f", {copy.size / 1e9:.1f} GB" if copy.size else ""
    if isinstance(copy, Archive):
        what, stated = f"{copy.name}{size}, {copy.digest}", "hash"
    else:
        what, stated = (
            f"{copy.name} on the Hugging Face hub{size}, revision {copy.revision}",
            "revision",
        )
    if copy.verified:
        return f"{what} (stated by {copy.stated_by})"
    return f"{what} (no source states its {stated}: --trust takes what comes)"


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


@dataclass(frozen=True)
class Offer:
    """What a table may fetch: with --fetch without a question, on a terminal after one."""

    fetch: bool
    trust: bool
    data: Path
    declined: set[str] = field(default_factory=set)  # asked once, not for every table again

    def lines(self, names: Iterable[str]) -> list[str]:
        """Say of each missing dataset its licence, its size, and how it can be had."""
        told = []
        for name in names:
            card = registry.card(name, self.data)
            told.append(f"  {name}: licence {card.licence}")
            if card.by_hand or not card.copies:
                told.append(f"    {card.by_hand} -> {suggesting.completed(card.next_step)}")
                continue
            told += [f"    {kind}: {_about(copy)}" for kind, copy in card.copies.items()]
            told.append("    --fetch downloads it" + ("" if self._may(name) else ", with --trust"))
        return told

    def take(self, names: Iterable[str]) -> bool:
        """Fetch what is missing, may be fetched and is agreed to; return whether any came."""
        came = False
        for name in names:
            card = registry.card(name, self.data)
            if card.by_hand or not card.copies or name in self.declined:
                continue
            if not self._may(name):
                if self.fetch:
                    click.echo(
                        f"{name} is not fetched: no source states its hash; add --trust", err=True
                    )
                continue
            if not self.fetch and not (_terminal() and click.confirm(f"Fetch {name}?", err=True)):
                self.declined.add(name)
                continue
            try:
                click.echo(_here(name, _bring(name, self.data, self.trust)), err=True)
                came = True
            except UserError as error:
                self.declined.add(name)
                click.echo(f"{name} is not fetched: {error.message}", err=True)
                if error.next_step:
                    click.echo(f"  -> {suggesting.completed(error.next_step)}", err=True)
        if came:
            from repro.data.waveforms import here

            here.forget()
        return came

    def _may(self, name: str) -> bool:
        """Tell whether a copy can be checked, or need not be."""
        copies = registry.card(name, self.data).copies.values()
        return self.trust or any(copy.verified for copy in copies)


def lacking(plan: "TablePlan") -> list[str]:
    """Return the datasets that a table's runs need and that no folder is registered for."""
    return sorted({name for chosen in plan.outlines.values() for name in chosen.lacking})
