"""What tables need, in words: one table in detail, many in a line each and a sum."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from repro.commands.runs.again import bare
from repro.commands.shared import suggesting
from repro.plan import cost, memory, rates
from repro.plan.answers import Answers, answers
from repro.plan.planning import TablePlan
from repro.plan.remaining import behind, done, remaining
from repro.plan.request import Run
from repro.records import learning
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.verdict import lengths as trained
from repro.verdict import phrases

_CORES = os.cpu_count() or 1
Gaps = dict[tuple[str, str], dict[str, None]]  # what is missing and the next step: who lacks it


@dataclass(frozen=True)
class Planned:
    """A planned table with its open runs: those that can be trained now, and those that cannot."""

    plan: TablePlan
    ready: list[Run]
    blocked: list[Run]
    estimate: cost.Estimate  # of the ready ones
    answered: Answers
    first: list[Run]  # that the blocked ones start from, and that are open too
    later: cost.Estimate  # of the blocked ones and those
    device: str
    bare: tuple[Training, ...] = ()  # results to train again, for their weights
    # By system, on a CPU; those whose data is missing only where it was measured.
    beside: Mapping[str, cost.Beside | None] = field(default_factory=dict)
    # By system of the open runs (see `who`): what a step needs of a card, where it is counted.
    needs: Mapping[str, memory.Need] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: TablePlan, ledger: Ledger, device: str, keep: bool = False) -> "Planned":
        """Sort the open runs of a plan; `keep`: the weights of those with a result are wanted."""
        answered = answers(plan, ledger)
        ready, blocked = remaining(plan, answered)
        first = [run for run in behind(plan, answered, blocked) if run not in ready]
        now, later = (cost.estimate(runs, ledger, device) for runs in (ready, [*first, *blocked]))
        again = bare(plan, answered) if keep else ()
        if again:
            now = cost.estimate([*ready, *map(Run.of_record, again)], ledger, device)
        sides = _sides(ready, blocked, ledger) if device == "cpu" and _CORES > 1 else {}
        held = cost.reserved(ledger)
        made = cls(plan, ready, blocked, now, answered, first, later, device, again, sides)
        needs = {made.who(run): memory.need(run.resolved, held) for run in (*ready, *made.lacking)}
        return replace(made, needs={system: need for system, need in needs.items() if need})

    @property
    def id(self) -> str:
        """The table's id."""
        return self.plan.entry.id

    @property
    def done(self) -> int:
        """How many of the runs that were asked for have a result."""
        return done(self.plan, self.ready, self.blocked)

    @property
    def feasible(self) -> str:
        """Say in a word what a CPU makes of all open runs; empty on any other device."""
        open_runs = [self.estimate.seconds] if self.ready else []
        open_runs += [self.later.seconds] if self.blocked else []
        if not open_runs:
            return ""
        known = [seconds for seconds in open_runs if seconds is not None]
        return cost.feasible(sum(known) if known else None, self.device)

    @property
    def lacking(self) -> list[Run]:
        """Return the runs that wait for something: the blocked ones after what they start from."""
        return [*self.first, *self.blocked]

    def who(self, run: Run) -> str:
        """Name what an open run trains: a system, with its data where it stands in no cell."""
        parent = any(run.id == other.id for other in self.plan.parents)
        return f"{run.system} on {run.clips.dataset}" if parent else run.system

    def gaps(self, by_system: bool) -> Gaps:
        """Return what is missing and the next step, with the systems or the table that lack it."""
        found: Gaps = {}
        for run in self.lacking:
            for gap in run.missing:
                who = self.who(run) if by_system else self.id
                step = suggesting.completed(gap.next_step)
                found.setdefault((gap.text, step), {})[who] = None
        return found


def _sides(
    ready: Sequence[Run], blocked: Sequence[Run], ledger: Ledger
) -> dict[str, cost.Beside | None]:
    """Return what two runs at once come to for systems that can be trained, or were measured."""
    if len(ready) + len(blocked) < 2:
        return {}
    here = {run.system for run in ready} if len(ready) > 1 else set()
    found = cost.beside([*ready, *blocked], ledger)
    return {system: times for system, times in found.items() if times or system in here}


def detail(one: Planned, devices: Sequence[str]) -> list[str]:
    """Say of one table what will be trained, what is missing, and how long it takes."""
    ready, first = _parents(one, one.ready), _parents(one, one.first)
    behind = f" (with {ready}, only for others to start from)" if ready else ""
    more = f" (and {first}, which they start from)" if first else ""
    lines = [
        f"{one.id}: {phrases.many(len(one.plan.needed()), 'run')}: {one.done} done, "
        f"{len(one.ready)} to train{behind}, {len(one.blocked)} blocked{more}"
    ]
    for (text, step), systems in one.gaps(by_system=True).items():
        lines.append(f"  {', '.join(sorted(systems))}: {text}" + (f" -> {step}" if step else ""))
    lines += [f"  {line}" for line in (*one.plan.padded, *one.plan.remarks, *one.answered.lines())]
    lines += [f"  {line}" for line in lengths(one)]
    if one.plan.entry.rivals and not one.plan.request.rivals:
        quoted = ", ".join(one.plan.entry.rivals)
        lines.append(f"  {quoted}: quoted, with --with-rivals trained too, for pairs of ours")
    if one.bare:
        lines.append(f"  {len(one.bare)} of the done runs have kept no weights: trained again")
    if one.ready or one.bare:
        seconds = one.estimate.seconds
        time = cost.spoken(None if seconds is None else seconds / len(devices))
        lines.append(f"  time on {', '.join(devices)}: {time} ({one.estimate.basis})")
    lines += [f"  {line}" for line in _beside(one)]
    lines += [f"  {line}" for line in cards(one)]
    if one.blocked and one.later.seconds:
        time = cost.spoken(one.later.seconds / len(devices))
        lines.append(f"  {time} more once what is missing is here ({one.later.basis})")
    if one.feasible:
        lines.append(f"  on this CPU: {one.feasible}")
    return lines


def _beside(one: Planned) -> Iterator[str]:
    """Say what two runs at once, with a thread each, come to; a demo trains so unasked."""
    demo = one.plan.request.profile == "demo"
    two = "two runs at once with a thread each" + ("" if demo else " (--per-device 2)")
    for system, found in one.beside.items():
        if found is not None:
            yield (f"{system}: {two} train {found.times:.2f} times the clips of one with two, "
                   f"as measured: {cost.spoken(found.seconds)}")  # fmt: skip
    unknown = [system for system, found in one.beside.items() if found is None]
    if unknown and not demo:
        rivals = " --with-rivals" if one.plan.request.rivals else ""
        step = suggesting.completed(f"repro bench sides {one.id}{rivals}")
        yield f"{', '.join(unknown)}: whether {two} train more clips is not measured -> {step}"


def cards(one: Planned) -> Iterator[str]:
    """Say what a step of each system needs of a card, and which cards it fits."""
    request, named = one.plan.request, rates.class_of(rates.card())
    sizes = (named.gigabytes,) if named else memory.SIZES
    alike: dict[str, list[str]] = {}
    for system, need in one.needs.items():
        how = (request.checkpoint_activations, request.micro_batch)
        alike.setdefault(memory.told(need, sizes, *how), []).append(system)
    yield from (f"{', '.join(names)}: {text}" for text, names in alike.items())


def _parents(one: Planned, runs: Sequence[Run]) -> str:
    """Count those of some runs that stand behind no cell: others start from them."""
    own = {run.id for run in one.plan.parents}
    counts = Counter(one.who(run) for run in runs if run.id in own)
    return ", ".join(f"{number} of {which}" for which, number in counts.items())


def lengths(one: Planned) -> Iterator[str]:
    """Say how many steps the open runs have, and what speaks against the length of done ones."""
    systems: dict[str, list[Run]] = {}
    for run in (*one.ready, *one.blocked):
        if run.steps:
            systems.setdefault(run.system, []).append(run)
    alike: dict[str, list[str]] = {}
    for system, runs in systems.items():
        few = any(learning.few(run.resolved, run.steps) for run in runs)
        text = f"{trained.span([run.steps for run in runs])} steps a run"
        alike.setdefault(f"{text}; {learning.FEW_STEPS}" if few else text, []).append(system)
    yield from (f"{', '.join(names)}: {text}" for text, names in alike.items())
    found = (one.answered.record(run.id) for run in one.plan.needed())
    yield from (line for line in trained.lines([r for r in found if r]) if ";" in line)


def state(one: Planned) -> str:
    """Say how far a table is, in half a line."""
    needed = len(one.plan.needed())
    if not needed:
        return f"{'':<10} no runs"
    text = f"{one.done:>3} of {needed:<3} runs done"
    if one.ready:
        text += f", {len(one.ready)} to train ({cost.spoken(one.estimate.seconds)})"
    if unanswered := one.answered.why(run.id for run in one.plan.needed()):
        text += f", {unanswered}"
    if one.blocked:
        lacks = ", ".join(gap.removeprefix("needs ") for gap, _ in one.gaps(by_system=False))
        later = f" ({cost.spoken(one.later.seconds)} once here)" if one.later.seconds else ""
        text += f", {len(one.blocked)} lack {lacks}{later}"
    return text


def total(tables: Sequence[Planned], ledger: Ledger, devices: Sequence[str]) -> list[str]:
    """Sum tables up: different runs, and the hours of those that can and cannot be trained now."""
    ready = {run.id: run for one in tables for run in one.ready}
    blocked = {run.id: run for one in tables for run in one.blocked if run.id not in ready}
    needed = {run.id for one in tables for run in one.plan.needed()}
    finished = len(needed - ready.keys() - blocked.keys())
    lines = [
        f"{phrases.many(len(tables), 'table')}, {phrases.many(len(needed), 'different run')}: "
        f"{finished} done, "
        f"{len(ready)} to train, {len(blocked)} blocked"
    ]
    first = {run.id: run for one in tables for run in one.first if run.id not in ready}
    where, behind = ", ".join(devices), " and what they start from" if first else ""
    for runs, what in ((ready, "to train"), ({**first, **blocked}, f"the blocked ones{behind}")):
        if runs:
            estimate = cost.estimate(list(runs.values()), ledger, devices[0])
            seconds = None if estimate.seconds is None else estimate.seconds / len(devices)
            lines.append(f"time on {where}, {what}: {cost.spoken(seconds)} ({estimate.basis})")
    return lines


def missing(tables: Sequence[Planned]) -> list[str]:
    """Say once what is missing, for how many tables, and how it can be had."""
    every: Gaps = {}
    for one in tables:
        for gap, who in one.gaps(by_system=False).items():
            every.setdefault(gap, {}).update(who)
    lines = []
    for (text, step), who in every.items():
        count = f"{len(who)} tables" if len(who) > 1 else next(iter(who))
        lines.append(f"  {text} ({count})" + (f" -> {step}" if step else ""))
    return ["missing:", *lines] if lines else []
