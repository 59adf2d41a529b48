"""What runs cost on a device, and on what that estimate rests."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Any

from repro import identity
from repro.data import registry
from repro.data.remembered import code, remembered
from repro.errors import UserError
from repro.plan import memory, rates
from repro.plan.request import Run
from repro.records.ledger import Ledger
from repro.records.record import Measurement

_MINUTES, _HOURS = 5400.0, 36 * 3600.0  # up to which a CPU's work is called so
_SCALE = ("mean", "std")  # of a front end: they cost nothing, whatever they are
FORWARD_AND_BACKWARD = 6  # operations for each multiply-add of a forward pass: 2, three times over
RECOMPUTED = 4 / 3  # with --checkpoint-activations a step has a forward pass more, four of three


# Rates of a kind of run on a CPU, clips/s: two with a thread each at once; one with two.
SIDES, TOGETHER = "side_by_side", "together"

# Of records: seconds per clip and epoch by kind of run; GFLOP of a clip in training by network; the
# network (with and without its dataset) and the precision of each kind; of the device that was
# measured last (repro doctor --selftest, repro bench sides), its name and its rates; and the most
# bytes of a card that runs reserved for all but audio, by what decides them (`memory.way_of`).
_Read = tuple[
    dict[str, float], dict[str, float], dict[str, list[str]], tuple[str, dict[str, float]],
    dict[str, int],
]  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """Seconds for a set of runs on one device; None where nothing is known of some of them."""

    seconds: float | None
    basis: str


@dataclass(frozen=True)
class Beside:
    """What training two runs at once with a thread each comes to on this CPU, as was measured."""

    times: float  # of the clips/s of one run with two threads
    seconds: float  # for all runs of a system


def estimate(runs: Sequence[Run], ledger: Ledger, device: str) -> Estimate:
    """Estimate the time of runs: from recorded runs of the same kind, else from operations."""
    if not runs:
        return Estimate(0.0, "nothing to train")
    kind = device.partition(":")[0]
    every = expected(runs, ledger, device)
    found = every.values()
    recorded = sum(basis == "recorded" for _, basis in found)
    tried = sum(basis == "tried" for _, basis in found)
    paced = sum(basis == "paced" for _, basis in found)
    counted = paced + sum(basis == "counted" for _, basis in found)
    unknown = len(runs) - recorded - tried - counted
    basis = [f"{tried} from what repro bench sides measured here"] if tried else []
    basis += [f"{recorded} from recorded runs on {kind}"] if recorded else []
    if counted:
        pace = ", at the pace of recorded ones" if paced else ""
        rate = rates.Rates(kind, _recorded(ledger, kind)[3], ledger.cache).basis
        basis.append(f"{counted} from operations at {rate}{pace}")
        bare = sorted({run.system for run in runs if every[run.id][1] in ("counted", "paced")
                       and not memory.moved(memory.traffic_of(run.resolved))})  # fmt: skip
        if bare and kind != "cpu":
            basis.append(f"without the bytes that {', '.join(bare)} moves, which are not counted")
    if unknown:
        basis.append(f"{unknown} unknown")
    for name in sorted({run.clips.dataset for run in runs if _unlisted(run)}):
        basis.append(
            f"taking {name}, whose list is not here, as {registry.card(name).about:,} clips"
        )
    total = sum(seconds for seconds, _ in found if seconds is not None)
    return Estimate(None if unknown == len(runs) else total, ", ".join(basis))


def expected(
    runs: Sequence[Run], ledger: Ledger, device: str
) -> dict[str, tuple[float | None, str]]:
    """Return the seconds of each run, by id, and on what they rest.

    That is: its clips/s on this CPU (tried); recorded runs of the kind; counted operations, or
    those at the pace of other recorded runs (paced); or unknown.
    """
    kind = device.partition(":")[0]
    paces, measured, networks, tried, _ = _recorded(ledger, kind)
    sustained = rates.Rates(kind, tried, ledger.cache)
    found: dict[str, tuple[float | None, str]] = {}
    pace: dict[str, float] = {}
    for run in runs:
        which = kind_of(run.resolved)
        way = which + _way(run.compiled, run.checkpoint_activations)
        rate, here = paces.get(way, paces.get(which)), tried[1].get(f"{TOGETHER}.{way}")
        front = run.resolved["frontend"]
        flat = {"name": front["name"], **front["args"]}
        network = _network(run.resolved["model"], flat, run.resolved["dataset"])
        alike = _network(run.resolved["model"], flat, "")  # measured with another dataset
        gflop = measured.get(network, measured.get(alike, run.gflop))
        clip_epochs = run.clip_epochs or _unlisted(run)
        if here and clip_epochs:
            found[run.id] = (clip_epochs / here, "tried")
        elif rate is not None:
            found[run.id] = (rate * clip_epochs * (1 if way in paces else _again(run)), "recorded")
        elif gflop is not None and clip_epochs:
            pace = pace or _pace(paces, measured, networks, sustained)
            precision = run.resolved["recipe"]["precision"]
            clip = sustained.clip(gflop, precision, memory.moved(memory.traffic_of(run.resolved)))
            times = pace.get(precision)
            seconds = clip * (times or 1.0) * clip_epochs * _again(run)
            found[run.id] = (seconds, "counted" if times is None else "paced")
        else:
            found[run.id] = (None, "unknown")
    return found


def _again(run: Run) -> float:
    """Return how many times as long a run takes for what it computes twice."""
    return RECOMPUTED if run.checkpoint_activations else 1.0


def _unlisted(run: Run) -> int:
    """Return the training clips times epochs of a run whose list is not here, by its source."""
    if not run.clip_epochs:
        with suppress(UserError):  # a dataset of the user's has no such count
            return registry.card(run.clips.dataset).about * int(run.resolved["recipe"]["epochs"])
    return 0


def _pace(
    paces: Mapping[str, float],
    measured: Mapping[str, float],
    networks: Mapping[str, Sequence[str]],
    sustained: rates.Rates,
) -> dict[str, float]:
    """Return by precision how many times as long recorded runs took as their operations say."""
    found: dict[str, list[float]] = {}
    for name, (network, alike, precision, step) in networks.items():
        gflop = measured.get(network, measured.get(alike))
        if gflop is not None:
            clip = sustained.clip(gflop, precision, memory.moved(step))
            found.setdefault(precision, []).append(paces[name] / clip)
    return {precision: median(ratios) for precision, ratios in found.items()} or {"": 1.0}


def kind_of(resolved: dict[str, Any]) -> str:
    """Return what decides the cost of one clip: model, front end, batch and precision."""
    return identity.digest(_parts(resolved))


def _way(compiled: bool, recomputed: bool) -> str:
    """Return what a kind of run is called further, where it takes more or less time."""
    return "+compiled" * compiled + "+recomputed" * recomputed


def beside(runs: Sequence[Run], ledger: Ledger) -> dict[str, Beside | None]:
    """Return by system what training two at once comes to; None where it was not measured."""
    measured = _recorded(ledger, "cpu")[3][1]
    found: dict[str, Beside | None] = {}
    for run in runs:
        kind = kind_of(run.resolved)
        two, one = (measured.get(f"{name}.{kind}") for name in (SIDES, TOGETHER))
        if two and one:
            before = found.get(run.system)
            seconds = (run.clip_epochs or _unlisted(run)) / two
            found[run.system] = Beside(two / one, seconds + (before.seconds if before else 0.0))
        else:
            found[run.system] = None
    return found


def reserved(ledger: Ledger) -> dict[str, int]:
    """Return the most bytes of a card that recorded runs reserved for all but their audio.

    By what decides them, see `memory.way_of`.
    """
    return _recorded(ledger, "cuda")[4]


def feasible(seconds: float | None, device: str) -> str:
    """Say in a word whether that can be done on a CPU; empty on any other device."""
    if not device.startswith("cpu"):
        return ""
    if seconds is None:
        return "unknown"
    return "minutes" if seconds < _MINUTES else "hours" if seconds < _HOURS else "not here"


def longest_first(runs: Sequence[Run], ledger: Ledger, device: str) -> list[Run]:
    """Sort runs so that devices which work side by side end together; equal ones stay in order."""
    seconds = expected(runs, ledger, device)
    return sorted(runs, key=lambda run: -(seconds[run.id][0] or 0.0))


def spoken(seconds: float | None) -> str:
    """Write a duration as a person says it."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.1f} h"
    days = seconds / 86400
    return f"{days:.1f} days" if days < 1000 else f"{days / 365.25:,.0f} years"


def _parts(resolved: dict[str, Any]) -> list[Any]:
    recipe = resolved["recipe"]
    return [resolved["model"], resolved["frontend"], recipe["batch"], recipe["precision"]]


def _network(model: dict[str, Any], frontend: dict[str, Any], dataset: str) -> str:
    """Return what decides the operations of one clip; the dataset gives classes and length."""
    shaped = {name: value for name, value in frontend.items() if name not in _SCALE}
    return identity.digest([model, shaped, dataset])


def _recorded(ledger: Ledger, kind: str) -> _Read:
    """Return what records say, by what they hold for.

    The median seconds per clip and epoch on a kind of device; the GFLOP of a clip in training,
    from measured multiply-adds. Remembered until a record comes or goes.
    """
    return _told(ledger, kind, rates.card() if kind != "cpu" else "")


@lru_cache(maxsize=8)  # one command asks for table after table
def _told(ledger: Ledger, kind: str, card: str) -> _Read:
    """Return that for a card of this name."""
    if ledger.cache is None:
        return _read_rates(ledger, kind)
    sources = code(__file__, identity.__file__, memory.__file__, rates.__file__)
    key = ["rates", sources, kind, card, ledger.state()]
    paces, measured, networks, (name, tried), held = remembered(
        ledger.cache / "plans", key, lambda: _read_rates(ledger, kind)
    )
    return paces, measured, networks, (name, tried), held


def _read_rates(ledger: Ledger, kind: str) -> _Read:
    """Read every record; see `_recorded`."""
    found: dict[str, list[float]] = {}
    measured: dict[str, float] = {}
    networks: dict[str, list[str]] = {}
    tried: list[tuple[str, str, dict[str, float]]] = []
    held: dict[str, int] = {}
    kinds: dict[str, str] = {}  # thousands of records are of few kinds: each is digested once
    for record in ledger.all():
        resolved = record.resolved
        if isinstance(record, Measurement) and record.of_device:
            if record.described["device"] == kind:
                tried.append((record.finished, record.device_name, record.measured.rates))
        elif isinstance(record, Measurement):
            if record.measured.multiply_adds is not None:
                key = _network(resolved["model"], resolved["frontend"], resolved["dataset"])
                measured[key] = FORWARD_AND_BACKWARD * record.measured.multiply_adds / 1e9
                alike = _network(resolved["model"], resolved["frontend"], "")
                measured[alike] = max(measured.get(alike, 0.0), measured[key])
        elif record.status == "complete" and record.described["device"] == kind:
            if most := record.observed.get("peak_reserved", 0):
                fits = memory.way_of(resolved, record.checkpoint_activations, record.micro_batch)
                held[fits] = max(most - record.observed.get("audio", 0), held.get(fits, 0))
            if kind != "cpu" and not rates.same(record.device_name):
                continue
            clip_epochs = record.clips_used["train"] * resolved["recipe"]["epochs"]
            way = _way(record.compiled, record.checkpoint_activations)
            text = repr(_parts(resolved))
            kinds.setdefault(text, kind_of(resolved))
            if not way and kinds[text] not in networks:
                front = {"name": resolved["frontend"]["name"], **resolved["frontend"]["args"]}
                networks[kinds[text]] = [
                    _network(resolved["model"], front, resolved["dataset"]),
                    _network(resolved["model"], front, ""), resolved["recipe"]["precision"],
                    memory.traffic_of(resolved),
                ]  # fmt: skip
            found.setdefault(kinds[text] + way, []).append(record.seconds / clip_epochs)
    return (
        {key: median(values) for key, values in found.items()},
        measured,
        networks,
        _newest(tried, kind),
        held,
    )


def _newest(
    tried: list[tuple[str, str, dict[str, float]]], kind: str
) -> tuple[str, dict[str, float]]:
    """Return the device that was measured last, and the newest of each of its rates."""
    # The card of the plan goes before any other.
    tried.sort(key=lambda each: (kind == "cpu" or rates.same(each[1]), each[0]))
    name = tried[-1][1] if tried else ""
    every = [found for _, other, found in tried if other == name]
    return name, {key: value for found in every for key, value in found.items()}
