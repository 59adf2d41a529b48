"""`repro data verify` and `repro data prepare`: is the audio right, and make it ready to read."""

import collections
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repro import places
from repro.commands.shared import asking, suggesting
from repro.commands.shared.counter import Counter
from repro.data.folders import derived, names

if TYPE_CHECKING:
    from repro.data.verify import Problem, Report

_NAMED = 20  # problems of one kind that are named in text


@click.command()
@click.argument("name")
@click.option("--quick", is_flag=True, help="Leave out what needs hashes.")
@asking.home_option
@asking.text_or_json
def verify(name: str, quick: bool, home: str | None, fmt: str) -> None:
    """Decode every clip of a registered folder and list what is wrong; exit 1 if something is.

    Silent, clipped and duplicated clips and those left out are remarks: the published dataset may
    have them.

    \b
    Examples:
      repro data verify ravdess_speech
      repro data verify speech_commands_v2_35 --quick
      repro data verify speech_commands_v2_35 --format json | jq '.problems[].clip'
    """
    from repro.data.verify import FAULTS
    from repro.data.verify import verify as check

    suggesting.begins_anew()
    with Counter(f"verify {name}", "clips") as progress:
        report = check(name, places.home(home).data, quick, progress)
    problems = report.problems
    if fmt == "json":
        found = {
            "dataset": name,
            "evidence": report.level,
            "clips": report.clips,
            "compared": dict(report.compared),
            "as_published": report.as_published,
            "derived": dict(report.made),
            "counts": collections.Counter(problem.kind for problem in problems),
            "problems": [problem.__dict__ for problem in problems],
        }
        click.echo(json.dumps(found, indent=1))
    else:
        click.echo("\n".join([*_findings(name, problems), _evidence(report)]))
    click.get_current_context().exit(
        1 if any(problem.kind in FAULTS for problem in problems) else 0
    )


def _evidence(report: "Report") -> str:
    """Say what the clips could be compared with, and what not."""
    told = {
        "file hash": "equal the published file hash",
        "PCM hash": "equal the published PCM hash",
        "length": "are as long as their source states",
    }
    each = [f"{report.compared[kind]:,} of {report.clips:,} {words}"
            for kind, words in told.items() if report.compared.get(kind)]  # fmt: skip
    if not each:
        each = ["nothing in them could be compared with what is published"]
    if report.made:
        each.append(derived.told(report.made))
    if report.as_published:
        each.append(
            "checked against the published hashes: tables say so as long as no file changes"
        )
    return f"evidence: {report.level}; {'; '.join(each)}"


def _findings(name: str, problems: "list[Problem]") -> list[str]:
    """Write one line for each problem, a few for those that thousands of clips share."""
    lines = []
    counts = collections.Counter(problem.kind for problem in problems)
    for kind, count in counts.items():
        same = [problem for problem in problems if problem.kind == kind]
        lines += [f"{kind:<11} {p.clip}  ({p.detail})" for p in same[:_NAMED]]
        if count > _NAMED:
            lines.append(f"{kind:<11} and {count - _NAMED:,} more (--format json names all)")
    summary = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    return [*lines, f"{name}: {summary or 'every clip is there and sound'}"]


@click.command()
@click.argument("name")
@click.argument("folder", metavar="DIR", type=asking.NamedPath())
@click.argument("out", metavar="NEW", type=asking.NamedPath())
@asking.home_option
@asking.text_or_json
def trim(name: str, folder: Path, out: Path, home: str | None, fmt: str) -> None:
    """Copy a dataset's clips from DIR to NEW, clips looped to one length cut to their first turn.

    Public copies of UrbanSound8K repeat short clips up to four seconds. Where the first turn ends
    is found in the samples; nothing is cut that is not repeated to the bit. What was done stands in
    NEW and, once it is added, in the records and under the tables: it is not the archive's audio.

    \b
    Examples:
      repro data trim urbansound8k ~/copy/UrbanSound8K ~/audio/us8k
      repro data add urbansound8k ~/audio/us8k
    """
    from repro.data.trimming import trim as cut

    suggesting.begins_anew()
    with Counter(f"trim {name}", "clips") as progress:
        made = cut(name, folder, out, places.home(home).data, progress)
    if fmt == "json":
        about = {"dataset": name, "folder": str(made.folder), "here": made.clips,
                 "clips": made.total, "left_out": dict(made.left_out), "cut": made.cut,
                 "whole": made.whole, "left": list(made.left), "short": list(made.short),
                 "apart": list(made.apart)}  # fmt: skip
        click.echo(json.dumps(about, indent=1))
        return
    unlike = derived.unlike({kind: len(getattr(made, kind)) for kind in derived.UNLIKE})
    click.echo(
        f"{name}: {made.clips:,} of {made.total:,} clips: {made.cut:,} looped clips cut to one "
        f"turn, {made.whole:,} whole{unlike}"
    )
    for clip, why in list(made.left_out.items())[:_NAMED]:
        click.echo(f"left out: {clip} ({why})")
    if len(made.left_out) > _NAMED:
        click.echo(f"left out: {len(made.left_out) - _NAMED:,} more (--format json names all)")
    for what, clips in (
        ("longer than stated and no loop to the sample: copied as it is", made.left),
        ("shorter than stated by a tenth of a second or more: copied as it is", made.short),
        ("cut, and a tenth of a second or more from its stated length", made.apart),
    ):
        for clip in clips:
            click.echo(f"{clip}  ({what})")
    click.echo(f"Next:  {suggesting.exact(f'repro data add {name} {names.quoted(out)}')}")


@click.command()
@click.argument("name")
@click.option(
    "--rate",
    type=click.IntRange(1000, 192000),
    default=16000,
    show_default=True,
    help="Sampling rate in Hz that the systems need.",
)
@asking.home_option
@asking.text_or_json
def prepare(name: str, rate: int, home: str | None, fmt: str) -> None:
    """Write the waveforms of a dataset where runs read them; again, it continues or does nothing.

    \b
    Examples:
      repro data prepare speech_commands_v2_35
      repro data prepare esc50 --rate 22050
    """
    from repro.data.prepare import prepare as write

    def note(text: str) -> None:
        click.echo(text, err=True)

    with Counter(f"prepare {name}", "clips") as progress:
        store = write(name, rate, places.home(home), progress, note)
    hours = len(store.samples) / store.rate / 3600
    if fmt == "json":
        about = {"dataset": name, "folder": str(store.folder), "clips": len(store.ids),
                 "rate": store.rate, "digest": store.digest}  # fmt: skip
        click.echo(json.dumps(about, indent=1))
        return
    click.echo(f"{name}: {len(store.ids):,} clips, {hours:.2f} h at {store.rate:,} Hz, "
               f"{store.samples.nbytes / 1e6:,.0f} MB, digest {store.digest[:12]}")  # fmt: skip
    click.echo(f"in {store.folder}")
