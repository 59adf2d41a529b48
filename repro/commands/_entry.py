"""The group that holds the verbs: a verb is a file here, or a folder with a `command.py`."""

import codecs
import errno
import importlib
import io
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import click

from repro import __version__
from repro.commands.shared import suggesting
from repro.errors import UserError, nearest

# Pydantic looks through every installed package for plugins before its first model; we have none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

_FOLDER = Path(__file__).resolve().parent
_ORDER = ("list", "show", "table", "all", "plan", "compare", "explain", "audit", "report", "figure",
          "cells", "appendix", "cite")  # fmt: skip


@cache
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

    def make_context(
        self, info_name: str | None, args: list[str], *rest: Any, **extra: Any
    ) -> click.Context:
        """Read the words before the verb; --help and --version are answered here."""
        _open_streams()
        _any_letter()
        typed = list(args)
        with _one_message():
            context = super().make_context(info_name, args, *rest, **extra)
        context.meta[suggesting.TYPED] = typed
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb."""
        with _one_message(), _by_signals():
            return super().invoke(ctx)


class _Ended(KeyboardInterrupt):  # no error: somebody asks us to end
    """A signal asks this process to end, as Ctrl-C does."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = signal.Signals(number)


@contextmanager
def _by_signals() -> Iterator[None]:
    """End by SIGTERM and SIGHUP as by Ctrl-C: the workers too, and with one line.

    A signal that the caller has taken or silenced (nohup) stays as it is.
    """

    def end(number: int, _: object) -> None:
        raise _Ended(number)

    taken = []
    if threading.current_thread() is threading.main_thread():
        every = (signal.SIGTERM, signal.SIGHUP)
        taken = [number for number in every if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _one_message() -> Iterator[None]:
    """Turn what goes wrong outside the code into one message and an exit code, no traceback."""
    try:
        yield
    except UserError as error:
        _say(error.message, error.next_step)
        raise click.exceptions.Exit(error.exit_code) from None
    except KeyboardInterrupt as ended:
        number = ended.number if isinstance(ended, _Ended) else signal.SIGINT
        how = f"ended by {number.name}" if isinstance(ended, _Ended) else "interrupted"
        kept, step = suggesting.again()
        with suppress(OSError):  # the terminal may have gone
            _say(f"{how}; {kept}", step)
        raise click.exceptions.Exit(128 + number) from None
    except OSError as error:
        # The reader of our output has left (`repro list | head`): nothing to say.
        left = error.errno == errno.EPIPE
        if not left:
            _say(*_of_system(error))
        if left or _of_output(error):
            _silence()
        raise click.exceptions.Exit(0 if left else 2) from None


def _of_system(error: OSError) -> tuple[str, str]:
    """Say what the system refuses, and the next step."""
    if error.errno == errno.ENOENT and error.filename is None and not _folder_is_there():
        return "the working folder has been removed", "cd to a folder that exists, then ask again"
    paths = [p for p in (error.filename, error.filename2) if isinstance(p, str | bytes)]
    where = " -> ".join(map(os.fsdecode, paths)) or ("standard output" * _of_output(error))
    reason = error.strerror or str(error) or type(error).__name__
    step = "name a shorter one" if error.errno == errno.ENAMETOOLONG else "repro doctor"
    return (f"{reason}: {where}" if where else reason), step


def _folder_is_there() -> bool:
    """Tell whether the working folder still exists."""
    try:
        os.getcwd()  # noqa: PTH109 - asks the system, and nothing else
    except FileNotFoundError:
        return False
    return True


def _of_output(error: OSError) -> bool:
    """Tell whether an error came while our own output was written: the system names no file."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_code is click.echo.__code__


def _silence() -> None:
    """Send the rest of our output nowhere, so that Python does not try it again at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_streams() -> None:
    """Open on nothing what was closed before us (`list >&-`): many ask a stream what it is."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - for good


def _any_letter() -> None:
    """Let a terminal that lacks a letter show its code, as JSON writes it, and fail at none."""
    codecs.register_error("repro.escape", _escaped)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="repro.escape")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Write letters as their codes: \\u00b1."""
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _say(message: str, next_step: str | None) -> None:
    """Print an error and what to type next."""
    with suppress(OSError):
        click.echo(f"Error: {message}", err=True)
        if next_step:
            click.echo(f"Next:  {suggesting.completed(next_step, message)}", err=True)


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
    6 a device does not work (repro train), 130 interrupted, 143 and 129 ended by SIGTERM and
    SIGHUP.
    """


if __name__ == "__main__":
    main(prog_name="repro")  # for scripts that name the interpreter
