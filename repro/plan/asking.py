"""Who asks for a run: the tables and options, of all that can be typed, whose plan holds it."""

import json
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice, pairwise, product
from typing import Any

from repro import identity
from repro.errors import UserError
from repro.places import Home
from repro.plan.planning import fitted, plan_table
from repro.plan.request import Request, Run, requests
from repro.spec import catalogue
from repro.spec.entry import Entry
from repro.spec.readings import Differences, as_text, differences
from repro.spec.schema import Assumption

_MOST = 200  # combinations of readings that are tried for one run and table


@dataclass(frozen=True)
class Asked:
    """A table that asks for a run, and the options with which it does."""

    entry: Entry
    request: Request
    alone: bool  # the request can be narrowed to the run's system and seed: no other starts from it

    def command(self, run: Run) -> str:
        """Return the command that trains the run, and no more than is needed for it."""
        request = replace(
            self.request,
            micro_batch=run.micro_batch or self.request.micro_batch,
            checkpoint_activations=run.checkpoint_activations,
            compiled=run.compiled,
        )
        if self.alone:
            request = replace(request, only=run.system, seeds=(run.seed,))
        return shlex.join(["repro", "table", self.entry.id, *request.words()])


@dataclass(frozen=True)
class Near:
    """The table whose runs are most similar to one that nothing asks for, and in what it differs.

    apart: field of the resolved run -> its value in the run, its value in the table.
    """

    entry: Entry
    apart: Differences


@dataclass(frozen=True)
class _Planned:
    """What a table asks for: by run id the system and the resolved run as in a record."""

    runs: dict[str, tuple[str, dict[str, Any]]]
    behind: frozenset[str]  # runs that stand behind a cell themselves


class Tables:
    """What the tables ask for; each is planned once for each kind of request."""

    def __init__(self, home: Home, entries: Sequence[Entry] | None = None) -> None:
        self.home = home
        self.entries = catalogue.load_all() if entries is None else entries
        self._planned: dict[tuple[Any, ...], _Planned] = {}

    def asking(self, run: Run) -> Asked | Near | None:
        """Return who asks for a run, else what comes nearest; None where no table has its system.

        Tried are all requests of `requests`, first with the readings of the files, then with those
        others that touch what differs. A run of a quick look (`--set`) is asked for by the table
        that its own command names, with what that set.
        """
        entries = [e for e in self.entries if run.system in e.recipes.systems]
        quoted = [e for e in self.entries if run.system in e.rivals]
        rivals = Request(rivals=bool(quoted) and not entries)
        entries = entries or [fitted(entry, rivals, self.home) for entry in quoted]
        run = replace(run, resolved=_as_recorded(run))
        near: list[Near] = []
        for plain, (settings, assume) in product(requests(run), _looks(run)):
            request = replace(plain, rivals=rivals.rivals, settings=settings, assume=assume)
            named = [e for e in entries if not settings or e.id in _words(run.asked)[2:3]]
            planned = [(entry, self._plan(entry, request)) for entry in named]
            for entry, there in planned:
                if run.id in there.runs:
                    return Asked(entry, request, run.id in there.behind)
            here = [Near(entry, apart) for entry, there in planned
                    if (apart := _nearest(run, there)) is not None]  # fmt: skip
            for one in here:
                if (found := self._read_otherwise(run, request, one)) is not None:
                    return found
            near += here
        return min(near, key=lambda one: len(one.apart), default=None)

    def _plan(self, entry: Entry, request: Request) -> _Planned:
        """Return the runs that a table asks for; none where it does not know such a request."""
        key = (entry.id, *request.words())
        if key not in self._planned:
            try:
                plan = plan_table(entry, request, self.home)
            except UserError:  # it has no demo, or the reading does not go with the others
                self._planned[key] = _Planned({}, frozenset())
            else:
                runs = {r.id: (r.system, _as_recorded(r)) for r in (*plan.runs, *plan.parents)}
                self._planned[key] = _Planned(runs, frozenset(run.id for run in plan.runs))
        return self._planned[key]

    def _read_otherwise(self, run: Run, request: Request, near: Near) -> Asked | None:
        """Return how a table asks for a run with other readings (`--assume`)."""
        assumptions = near.entry.assumptions()
        choices = [_choices(run, assumption, near.apart) for assumption in assumptions]
        touched = [path for path, pairs in choices if pairs]
        if not touched or any(not any(_touch(path, name) for path in touched)
                              for name in near.apart):  # fmt: skip
            return None
        for chosen in islice(product(*([None, *pairs] for _, pairs in choices if pairs)), _MOST):
            other = replace(request, assume=dict(filter(None, chosen)))
            there = self._plan(near.entry, other)
            if run.id in there.runs:
                return Asked(near.entry, other, run.id in there.behind)
        return None


def _looks(run: Run) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Return values and readings to ask with: none, first those of a quick look's own command."""
    words = _words(run.asked)
    plain: tuple[dict[str, str], dict[str, str]] = ({}, {})
    if "--set" not in words:
        return [plain]
    settings: dict[str, str] = {}
    assume: dict[str, str] = {}
    for option, pair in pairwise(words):
        key, joined, value = pair.partition("=")
        if joined and option in ("--set", "--assume"):
            (settings if option == "--set" else assume)[key] = value
    return [(settings, assume), plain]


def _words(command: str) -> list[str]:
    """Return the words of a command; none of what is none: a record may come from anywhere."""
    with suppress(ValueError):
        return shlex.split(command)
    return []


def _as_recorded(run: Run) -> dict[str, Any]:
    """Return a resolved run as a record gives it back."""
    return dict(json.loads(identity.canonical(run.resolved)))


def _choices(
    run: Run, assumption: Assumption, apart: Differences
) -> tuple[str, list[tuple[str, str]]]:
    """Return an assumption's path and the readings of it that the run may have been made with.

    None where the nearest run reads it as this one does. A value that is left out of a resolved
    run may be any of them.
    """
    listed = [as_text(alternative.value) for alternative in assumption.alternatives]
    if assumption.path == "system":
        listed = [text for text in listed if text == run.system]
    elif not any(_touch(assumption.path, name) for name in apart):
        listed = []
    elif isinstance(then := apart.get(assumption.path, (None, None))[0], str | int | float | list):
        listed = [text for text in listed if text == as_text(then)]
    return assumption.path, [(assumption.key, text) for text in listed]


def _touch(path: str, name: str) -> bool:
    """Tell whether an assumption's path and a field of a resolved run are about one thing."""
    if path == "protocol":
        return name in ("split", "classes")
    if path == "system":
        return name.startswith(("model.", "frontend.", "recipe."))
    return f"{name}.".startswith(f"{path}.") or f"{path}.".startswith(f"{name}.")


def _nearest(run: Run, planned: _Planned) -> Differences | None:
    """Return what a run and the most similar one of its system differ in; None without one."""
    apart = (
        differences(run.resolved, other)
        for system, other in planned.runs.values()
        if system == run.system
    )
    return min(apart, key=len, default=None)
