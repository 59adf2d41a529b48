"""What must be said with a table: marks, warnings, assumptions, verdict, protocol, execution."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repro.data import protocols
from repro.data.folders import derived
from repro.plan import lengths
from repro.plan.planning import TablePlan
from repro.records.record import Training
from repro.spec import readings
from repro.spec.readings import Reading, as_text
from repro.spec.schema import Assumption
from repro.verdict import lengths as trained
from repro.verdict import phrases
from repro.verdict.judgement import Judgement


@dataclass(frozen=True)
class Assumed:
    """A choice that the paper leaves open, and the one that was made."""

    reading: Reading
    overridden: str  # by what, where the runs have another value; empty: it is in force

    @property
    def key(self) -> str:
        """The assumption's key."""
        return self.reading.assumption.key

    @property
    def value(self) -> str:
        """The value, as it is typed."""
        return as_text(self.reading.value)

    @property
    def mark(self) -> str:
        """What tells a choice that is not simply the default in force."""
        if self.overridden:
            return f"(not in force: {self.overridden})"
        return "(chosen)" if self.reading.chosen else ""


def assumed(plan: TablePlan) -> list[Assumed]:
    """Return the assumptions that the planned runs depend on."""
    return [
        Assumed(reading, _overridden(plan, reading.assumption, reading.value))
        for reading in plan.assumed
        # How a print is judged is no matter where nothing is printed.
        if not (plan.entry.on and reading.assumption.path.startswith("statistics."))
    ]


def _overridden(plan: TablePlan, assumption: Assumption, value: Any) -> str:
    """Say what takes the place of a reading in the runs of a plan; empty where it is in force."""
    request = plan.request
    if assumption.path == "protocol" and request.on is not None:
        own = request.protocol or ", ".join(dict.fromkeys(r.clips.protocol for r in plan.runs))
        return f"--on {request.on} is split {own}"
    if request.steps and assumption.path in lengths.PATHS:
        who = f"--steps {request.steps} has"
    elif request.profile == "demo":
        who = "the demo has"
    else:
        return ""
    found = [
        readings.get(settings, assumption.path)
        for system, settings in plan.settled.items()
        if readings.applies(assumption, system, settings)
    ]
    if not found or value in found or as_text(value) in map(as_text, found):
        return ""
    return f"{who} {', '.join(dict.fromkeys(map(as_text, found)))}"


def lines(
    plan: TablePlan,
    used: Sequence[Training],
    judgement: Judgement,
    compared: Sequence[str],
    tried: Sequence[str],
    heard: Sequence[str],
) -> list[str]:
    """Return the lines under a table: verdict, claims, protocol, runs, audio, execution.

    compared: systems compared where no paper does; tried: what is said of earlier attempts; heard:
    of the audio of records.
    """
    entry = plan.entry
    found = [*compared, *entry.said]
    if not entry.on:
        found += [f"Verdict: {judgement.table.sentence}"] if plan.runs else []
    found += tried if plan.runs else []
    found += _claims(judgement) if plan.runs else []
    kinds = dict.fromkeys(run.clips.protocol for run in plan.runs)
    if plan.request.on is not None:
        own = f"what {plan.request.on} calls for"
        asked = "as --protocol asks" if plan.request.protocol else own
        found.append(f"Protocol {', '.join(kinds)}: {asked}.")
    else:
        found += [f"Protocol {p.name}: {p.why}" for p in entry.table.protocols if p.kind in kinds]
    found += _splits(plan)
    found += [_coverage(plan, used)] if plan.runs else []
    found += [f"{line}." for line in plan.padded]
    found += [f"Demo: {_small(plan)}."] if plan.demo else []
    found += trained.lines(used)
    return found + list(heard) + origins(used) + executions(used)


def _splits(plan: TablePlan) -> list[str]:
    """Say once for each way of splitting how clips become train, validation and test."""
    stated: dict[str, list[str]] = {}
    for name in dict.fromkeys(run.clips.dataset for run in plan.runs):
        for text in statements(plan, name):
            stated.setdefault(text, []).append(name)
    return [f"Split of {', '.join(names)}: {text}." for text, names in stated.items()]


def statements(plan: TablePlan, name: str) -> list[str]:
    """Return what a table's protocols do with a dataset, nested validation included."""
    splits = (run.clips for run in plan.runs if run.clips.dataset == name)
    return list(
        dict.fromkeys(
            protocols.statement(c.protocol, c.folds, c.valid, c.test, c.stratified) for c in splits
        )
    )


def origins(used: Sequence[Training]) -> list[str]:
    """Say where the audio of records comes from, and whether a source states its hash.

    Folders that were added on several days are one line, with the days.
    """
    days: dict[str, set[str]] = {}
    for record in used:
        for name, origin in record.audio.items():
            undated = {key: value for key, value in origin.items() if key != "added"}
            if origin:
                days.setdefault(json.dumps([name, undated]), set()).add(origin.get("added", ""))
    found = []
    for key, added in days.items():
        name, origin = json.loads(key)
        found.append(f"Audio of {name}: {_origin({**origin, 'added': ', '.join(sorted(added))})}.")
    return sorted(found)


def copies(used: Sequence[Training]) -> list[str]:
    """Say which audio of records is a copy that something was done to, and what."""
    return sorted({
        f"Audio of {name}: {derived.told(origin['derived'])}."
        for record in used
        for name, origin in record.audio.items()
        if "derived" in origin
    })  # fmt: skip


def _origin(origin: Mapping[str, Any]) -> str:
    """Say in a line what a record keeps of a dataset's audio (`sources.provenance`)."""
    if origin["source"] == "folder":
        held = "not checked against its source"
        if "evidence" in origin:
            held += f" (which states: {origin['evidence']})"
        if "checked" in origin:
            held = f"checked against the published hashes on {origin['checked']}"
        made = f"; {derived.told(origin['derived'])}" if "derived" in origin else ""
        return f"a folder of the user's, added {origin['added']}{made}; {held}"
    revision = f" at revision {origin['revision']}" if "revision" in origin else ""
    checked = "as published" if origin["verified"] else "UNVERIFIED, trusted on first use"
    return f"{origin['name']}{revision}, SHA-256 {origin['sha256'][:12]}, {checked}"


def _claims(judgement: Judgement) -> list[str]:
    """Return each sentence of the paper once, with the comparisons that it draws."""
    by_sentence: dict[str, list[str]] = {}
    for claim in judgement.claims:
        told = f"{claim.better} over {claim.worse} ({claim.metric}) {claim.word}"
        by_sentence.setdefault(claim.sentence, []).append(told)
    return [f"Claim \u201c{text}\u201d: {'; '.join(told)}." for text, told in by_sentence.items()]


def _small(plan: TablePlan) -> str:
    """Say what the demo profile makes small."""
    return ", ".join(f"{name} {as_text(value)}" for name, value in plan.demo.items())


def _coverage(plan: TablePlan, used: Sequence[Training]) -> str:
    """Say over what seeds ours is taken, and how many of its runs are done."""
    needed = plan.needed()
    done = {record.run for record in used}
    seeds = sorted({run.seed for run in needed})
    return (
        f"Ours: seeds {', '.join(map(str, seeds))}; "
        f"{sum(run.id in done for run in needed)} of {len(needed)} runs done."
    )


def executions(used: Sequence[Training]) -> list[str]:
    """Describe the executions that records come from."""
    found, promised = {record.execution: record.described for record in used}, tiers(used)
    described = [
        f"Execution {name}: {e['device']} ({_device(e)}), "
        f"{phrases.many(e['threads'], 'thread')}, torch {e['torch']}{_compiled(e)}, "
        f"tier {promised[name]}{_promise(promised[name], e)}."
        for name, e in sorted(found.items())
    ]
    if len(found) > 1:
        described.append("This table mixes executions: its values are comparable, not bit-equal.")
    short = [record for record in used if record.short_of_memory]
    if short:
        named = ", ".join(record.name for record in short[:3])
        more = f" and {len(short) - 3} more" if len(short) > 3 else ""
        described.append(
            f"The GPU ran short of memory in {len(short)} of {len(used)} runs ({named}{more}): "
            "cuDNN may have taken another plan, so their tier is statistical, not exact."
        )
    return described


def _device(execution: Mapping[str, Any]) -> str:
    """Name the device; of a processor also its instructions, which decide bits too."""
    name = str(execution["device_name"])
    return f"{name}, {execution['instructions']}" if execution["device"] == "cpu" else name


def _compiled(execution: Mapping[str, Any]) -> str:
    """Say that kernels were compiled, and by what."""
    by = execution.get("compiler")
    return f", compiled{f' by {by}' if by else ''}" if execution["compile"] else ""


def tiers(used: Sequence[Training]) -> dict[str, str]:
    """Return what each execution promises: one run whose bits are not promised is enough."""
    found: dict[str, str] = {}
    for record in used:  # statistical sorts behind exact
        found[record.execution] = max(record.tier, found.get(record.execution, ""))
    return found


def _promise(tier: str, execution: Mapping[str, Any]) -> str:
    """Say what a tier promises in an execution, whose own tier is that of its settings alone."""
    if tier == "exact":
        return " (equal bits on equal executions)"
    if execution["compile"] and execution["device"] != "cpu":
        return " (compiled on a card: equal bits are not promised)"
    if execution["tier"] == "exact":
        return " (a GPU ran short of memory: equal bits are not promised)"
    return " (settings from outside override ours: equal bits are not promised)"


def facts(plan: TablePlan, used: Sequence[Training]) -> dict[str, Any]:
    """Return what a script wants to know beside the cells."""
    request = plan.request
    return {
        "profile": request.profile,
        "audio": request.audio,
        "subset": request.subset,
        "folds": list(request.folds) or None,
        "steps": request.steps or None,
        "assume": dict(request.assume),
        "coverage": {
            name: {"clips": s.present, "of": s.total} for name, s in plan.outlines.items()
        },
        "executions": {record.execution: record.described for record in used},
        "tiers": tiers(used),
    }
