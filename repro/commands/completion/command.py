"""Complete commands in bash, zsh or fish."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import click

from repro import places
from repro.commands.completion import sources
from repro.errors import UserError
from repro.spec import index
from repro.spec.readings import as_text

_BASH = """\
_repro() {
    local IFS=$'\\n' cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
    COMPREPLY=($(repro completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    # bash takes KEY=VALUE apart: only what follows the sign is replaced.
    if [[ $cur == "=" || $prev == "=" ]]; then COMPREPLY=("${COMPREPLY[@]#*=}"); fi
    if [[ ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}
complete -o default -F _repro repro
"""
_ZSH = """\
#compdef repro
_repro() {
    local -a found
    found=("${(@f)$(repro completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -Q -- "${found[@]}"; else _files; fi
}
compdef _repro repro
"""
_FISH = """\
function __repro_words
    set -l typed (commandline -opc) (commandline -ct)
    repro completion words -- $typed[2..-1] 2>/dev/null
end
complete -c repro -f -a '(__repro_words)'
complete -c repro -n 'contains -- (commandline -opc)[-1] -o --output add import export' -F
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}

_TABLES = ("show", "table", "plan", "status", "compare", "explain", "audit", "report", "figure",
           "cells", "appendix", "cite")  # fmt: skip
_GROUPS = ("audit", "bench", "data", "models", "runs", "weights")
_RUNS = ("verify", "train", "runs")
_FREE = {
    "--device": ("cpu", "cuda:0"),
    "--gpu": ("0", "all"),
}  # of options that take other words too


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("shell", type=click.Choice([*SCRIPTS, "words"]))
@click.argument("typed", nargs=-1, type=click.UNPROCESSED)
def command(shell: str, typed: tuple[str, ...]) -> None:
    """Print the script that completes tables, papers, data, runs and assumptions in a shell.

    `words` answers the scripts: what the last of some typed words can become.

    \b
    Examples:
      source <(repro completion bash)                    now; in ~/.bashrc for every shell
      repro completion zsh > "${fpath[1]}/_repro"
      repro completion fish > ~/.config/fish/completions/repro.fish
    """
    if shell != "words":
        click.echo(SCRIPTS[shell], nl=False)
        return
    try:
        found = sorted(set(candidates(list(typed))))
    except UserError:  # a file that is broken is not the matter here
        found = []
    if found:
        click.echo("\n".join(found))


def candidates(typed: list[str]) -> Iterator[str]:
    """Yield what the last of the words after `repro` can become; it may be empty."""
    words = _joined(typed) or [""]
    last, before = words[-1], words[:-1]
    for word in _possible(before, last):
        if word.startswith(last):
            yield word


def _joined(typed: list[str]) -> list[str]:
    """Put together what bash takes apart: KEY, =, VALUE."""
    words: list[str] = []
    for word in typed:
        if words and (word == "=" or words[-1].endswith("=")) and not words[-1].startswith("--"):
            words[-1] += word
        else:
            words.append(word)
    return words


def _possible(before: list[str], last: str) -> Iterator[str]:
    """Yield what may follow some words."""
    verb = next((word for word in before if not word.startswith("-")), None)
    option = before[-1] if before and before[-1].startswith("-") else ""
    if verb is None:
        from repro.commands import _entry

        yield from _entry.Verbs().list_commands(click.Context(click.Group()))
    elif last.startswith("-"):
        yield from sources.options(before)
    elif option in ("--assume", "--ladder"):
        yield from ["protocol"] if option == "--ladder" else []
        yield from _assumptions(before, last if option == "--assume" else "")
    elif option in ("--on", "--dataset"):
        yield from _datasets()
    elif option == "--only":
        yield from _systems()
    elif option in ("--paper", "--table"):
        yield from index.paper_ids() if option == "--paper" else index.table_paths()
    elif option and (choices := sources.options(before).get(option) or _FREE.get(option)):
        yield from choices
    else:
        yield from _arguments(verb, before)


def _arguments(verb: str, before: list[str]) -> Iterator[str]:
    """Yield the names that a verb takes."""
    below = before[before.index(verb) + 1 :]
    if verb in _GROUPS and not below:
        yield from sources.verbs_below(verb)
    if verb in _TABLES and below[:1] not in (["accuracy"], ["p"], ["sizes"]):
        yield from [*index.table_paths(), *index.paper_ids(), "all"]
    if verb in _RUNS and (verb != "runs" or below):
        yield from _runs()
    if verb == "data" and below:
        yield from _datasets()
    if verb in ("models", "bench") and below:
        yield from _systems()
    if verb == "weights" and below:
        from repro.weights import published

        yield from published.names()


def _datasets() -> list[str]:
    folder = Path(importlib.import_module("repro.data").__path__[0])
    shipped = folder.glob("datasets/[!_]*.py")
    own = places.home(None).data.glob("*.csv.gz")
    return [*(path.stem for path in shipped), *(p.name.removesuffix(".csv.gz") for p in own)]


def _runs() -> Iterator[str]:
    for folder in (places.home(None).runs, places.shipped("results")):
        if folder.is_dir():
            yield from (path.name for path in folder.iterdir() if len(path.name) == 12)


def _systems() -> Iterator[str]:
    for paper in index.paper_ids():
        recipes = index.read_toml(places.shipped("tables") / paper / "recipes.toml")
        yield from recipes.get("systems", {})


def _assumptions(before: list[str], last: str) -> Iterator[str]:
    """Yield KEY=, and KEY=VALUE once the key is there, of the tables that are named."""
    paths = index.table_paths()
    named = {name: path for name, path in paths.items()
             if name in before or path.parent.name in before} or paths  # fmt: skip
    files = dict.fromkeys([*(path.parent / "recipes.toml" for path in named.values()),
                           *named.values()])  # fmt: skip
    for file in files:
        for one in index.read_toml(file).get("assumption", []):
            if not one.get("tables") or set(one["tables"]) & named.keys():
                yield from _readings(one["key"], one.get("alternatives", []), "=" in last)


def _readings(key: str, alternatives: list[dict[str, object]], whole: bool) -> Iterator[str]:
    if not whole:
        yield f"{key}="
    else:
        yield from (f"{key}={as_text(other['value'])}" for other in alternatives)
