"""Complete suggested commands: with the table and the options given, by the name that was typed.

So what is pasted asks for the same home, profile and data as the command that was refused.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import click

TYPED = "repro.typed"  # in a context's meta: the words of the command line
ANEW = "repro.anew"  # in it too: the verb keeps nothing of what it has begun
_GIVEN, _TEXTS = "repro.given", "repro.suggested"  # what was read of them, and of suggestions

# A command as texts write it, up to the end or a comma. In a path or a name "repro" is none.
_COMMAND = re.compile(r"(?<![\w./`-])repro ((?:(?!, |; | then repro | or repro ).)+)")
_OF_OUTPUT = ("fmt", "output", "printed", "ours", "both", "bold", "standalone", "siunitx",
              "dry_run", "axis")  # fmt: skip
_TABLES = ("targets", "table_id", "table")  # the parameters that name a table
_ID = re.compile(r"(?<= )ID\b")  # what stands for one
_PLACE = "home"  # it is right whatever the message says


def completed(step: str, message: str = "") -> str:
    """Return a next step whose commands have the options that were given and that they know.

    message: why it is suggested; an option that it speaks of, or whose value it names, is left out.
    """
    context = click.get_current_context(silent=True)
    if context is None:
        return step
    root = context.find_root()
    given = _asked(root)
    program, table = str(root.info_name), _table(given)

    def complete(found: re.Match[str]) -> str:
        text = _ID.sub(lambda ID: table or ID[0], found[1])
        wanted, rest, whole = _suggested(root, text)
        verb = " ".join(text.split()[: len(text.split()) - len(rest)])
        if not verb:
            return found[0]
        name = program if program.endswith("cli.py") else "repro"
        kept = [shlex.quote(word) for word in _kept(wanted, given, message, step)]
        # Words that the verb does not take say something of the command; options come before.
        ends = [name, text, *kept] if whole else [name, verb, *kept, *rest]
        return " ".join(ends)

    return _COMMAND.sub(complete, step)


def exact(command: str) -> str:
    """Return a command that says all it needs, for the same home, by the name that was typed."""
    context = click.get_current_context(silent=True)
    if context is None:
        return command
    root = context.find_root()
    given = _asked(root)
    name, program = "repro", str(root.info_name)
    if program.endswith("cli.py"):
        command = program + command.removeprefix(name)
    return f"{command} --home {shlex.quote(str(given[_PLACE]))}" if _PLACE in given else command


def begins_anew() -> None:
    """Note that this verb, once interrupted, starts from the beginning when it is asked again."""
    click.get_current_context().meta[ANEW] = True


def again() -> tuple[str, str]:
    """Return what is true of a verb that was interrupted, and the next step."""
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.get(ANEW):
        return "nothing is kept of what it had begun", "the same command again starts anew"
    return "nothing is lost", "the same command again continues"


def _asked(root: click.Context) -> dict[str, Any]:
    """Return the options that were given: the words are read once, for all that is suggested."""
    if _GIVEN not in root.meta:
        root.meta[_GIVEN] = _given(*_verb(root.command, root.meta.get(TYPED, ())))
    given: dict[str, Any] = root.meta[_GIVEN]
    return given


def _table(given: dict[str, Any]) -> str:
    """Return the first table that was named; "" without one."""
    named = next(filter(None, map(given.get, _TABLES)), "")
    return shlex.quote(str(named[0] if isinstance(named, list | tuple) else named)) if named else ""


def _suggested(root: click.Context, text: str) -> tuple[click.Command, list[str], bool]:
    """Return the command that a text names, the words left, and whether they are all its own.

    Plans of many tables suggest the same again and again: each text is read once.
    """
    known: dict[str, tuple[click.Command, list[str], bool]] = root.meta.setdefault(_TEXTS, {})
    if text not in known:
        wanted, rest = _verb(root.command, text.split())
        known[text] = wanted, rest, _whole(wanted, rest)
    return known[text]


def _whole(command: click.Command, words: list[str]) -> bool:
    """Tell whether words are a command's own to the last, and no sentence about it."""
    try:
        return not _read(command, words)[1]
    except click.ClickException:
        return False


def _verb(command: click.Command, words: Sequence[str]) -> tuple[click.Command, list[str]]:
    """Follow words from group to group; return the last command and the words that are left."""
    rest = list(words)
    while rest and isinstance(command, click.Group):
        context = click.Context(command, resilient_parsing=True)
        below = command.get_command(context, rest[0])
        if below is None:
            break
        command = below
        del rest[0]
    return command, rest


def _given(command: click.Command, words: list[str]) -> dict[str, Any]:
    """Return the options in a command's words, by parameter; none where they cannot be read."""
    try:
        values, _ = _read(command, words)
    except click.ClickException:
        return {}
    return {name: value for name, value in values.items() if value is not None}


def _read(command: click.Command, words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the values in a command's words, by parameter, and the words that are too many."""
    context = click.Context(command, resilient_parsing=True)
    values, left, _ = command.make_parser(context).parse_args(list(words))
    return values, left


def _kept(wanted: click.Command, given: dict[str, Any], message: str, step: str) -> Iterator[str]:
    """Yield the words of the options that go along."""
    for option in wanted.params:
        if not isinstance(option, click.Option) or option.name not in given:
            continue
        flag = max(option.opts, key=len)
        value = given[option.name]
        values = value if isinstance(value, list | tuple) else [value]
        if option.name in _OF_OUTPUT or flag in re.findall(r"--[\w-]+", step):
            continue
        if option.name != _PLACE and _spoken_of(flag, values, message):
            continue
        for each in values:
            yield from (flag,) if option.is_flag else (flag, str(each))


def _spoken_of(flag: str, values: Sequence[Any], message: str) -> bool:
    """Tell whether a message speaks of an option, or names a part of its value."""
    said = set(re.findall(r"[\w@./+-]+", message))
    parts = {part for value in values for part in re.split(r"[,=]", str(value))}
    return flag in said or not parts.isdisjoint(said | {word.strip(".") for word in said})
