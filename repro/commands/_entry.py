"""The group that holds the verbs: a verb is a file here, or a folder with a `command.py`."""

import errno
import importlib
import sys
from pathlib import Path
from typing import Any

import click

from repro import __version__
from repro.errors import UserError, nearest

_FOLDER = Path(__file__).resolve().parent
_ORDER = ("list", "show", "table", "all", "plan", "compare", "audit", "cells", "appendix", "cite")


def _verbs() -> list[str]:
    """Return the verbs, the common ones first."""
    found = {path.stem for path in _FOLDER.glob("[!_]*.py")}
    found |= {path.parent.name for path in _FOLDER.glob("*/command.py")}
    return [verb for verb in _ORDER if verb in found] + sorted(found - set(_ORDER))


def _file(verb: str) -> Path:
    """Return the file that holds a verb's click command."""
    folder = _FOLDER / verb
    return folder / "command.py" if folder.is_dir() else _FOLDER / f"{verb}.py"


def _first_line(verb: str) -> str:
    """Return what a verb's file says it does, without importing it."""
    with _file(verb).open(encoding="utf-8") as stream:
        return stream.readline().strip().strip('"')


class Verbs(click.Group):
    """Import a verb when it is asked for, and turn every mistake into one message."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the verbs in the order of --help."""
        return _verbs()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs with the first line of each file, so that none is imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, _first_line(verb)) for verb in self.list_commands(ctx)])

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb; its file holds a click command named `command`."""
        if cmd_name not in _verbs():
            return None
        path = _file(cmd_name).relative_to(_FOLDER).with_suffix("")
        module = importlib.import_module(".".join(("repro.commands", *path.parts)))
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Name the nearest verb for one that does not exist."""
        if args and not args[0].startswith("-") and args[0] not in _verbs():
            near = nearest(args[0], _verbs())
            hint = f": did you mean {near!r}?" if near else ""
            raise UserError(f"unknown command {args[0]!r}{hint}", "repro --help")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; a user's mistake becomes one message and an exit code, never a traceback."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            _say(error.message, error.next_step)
            ctx.exit(2)
        except KeyboardInterrupt:
            _say("interrupted; nothing is lost", "the same command again continues")
            ctx.exit(130)
        except OSError as error:
            if error.errno == errno.EPIPE:
                # The reader of our output has left (`repro list | head`): nothing to say.
                sys.stderr.close()
                ctx.exit(0)
            if error.errno not in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT):
                raise
            where = f": {error.filename}" if error.filename else ""
            _say(f"{error.strerror}{where}", "repro doctor")
            ctx.exit(2)


def _say(message: str, next_step: str | None) -> None:
    """Print an error and what to type next."""
    click.echo(f"Error: {message}", err=True)
    if next_step:
        click.echo(f"Next:  {next_step}", err=True)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="repro")
def main() -> None:
    """Reproduce the result tables of four audio-classification papers.

    \b
    Examples:
      repro list                                          the tables
      repro show asmrh-speechcommands                     what one resolves to
      repro table asmrh-speechcommands --profile demo     minutes, no download
      repro plan                                          what is missing, what it costs
      repro all --gpu 0                                   everything that can be trained

    Exit codes: 0 complete, 2 usage, 3 incomplete, 4 data or weights missing, 5 a run failed,
    130 interrupted.
    """
