"""What a run needs and what is not here: code, lists, weights, data."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from repro import identity
from repro.data import registry, sources
from repro.data.clips import ClipSource, unlisted
from repro.data.folders import folds
from repro.data.guards import Finding
from repro.data.outlines import Outline
from repro.data.protocols import PROTOCOLS
from repro.places import Home
from repro.plan import defaults
from repro.plan.padding import Padded
from repro.plan.request import Missing, Request
from repro.weights import store

_UNUSABLE = ", whose registration cannot be used"
FRONTENDS = (*defaults.SPECTROGRAMS, "waveform", "phase")


def code(settings: dict[str, Any], protocol: str, data: Path) -> tuple[Missing, ...]:
    """Return what this version of the suite cannot do yet for a run; `data`: the data folder."""
    model, front = (settings[part]["name"] for part in ("model", "frontend"))
    gaps = []
    if identity.version_of(f"models/{model}") is None:
        gaps.append(f"model {model!r}")
    if front not in FRONTENDS:
        gaps.append(f"front end {front!r}")
    if not registry.known(settings["dataset"], data):
        gaps.append(f"dataset {settings['dataset']!r}")
    elif _no_accuracy(settings, data):
        gaps.append(f"accuracy on {settings['dataset']}, whose clips have several labels")
    if protocol not in PROTOCOLS:
        gaps.append(f"protocol {protocol!r}")
    if idle := _idle(settings):
        gaps.append(f"{', '.join(idle)} with front end {front!r}")
    return (Missing("code", f"not in this version: {', '.join(gaps)}"),) if gaps else ()


def too_short(system: str, padded: Mapping[str, Padded]) -> tuple[Missing, ...]:
    """Return that clips are too short for a system whose front end has a length of its own."""
    short = padded.get(system)
    return (Missing("code", short.told(system)),) if short and not short.length else ()


def lists(clips: ClipSource, data: Path) -> tuple[Missing, ...]:
    """Return the lists of clips that are the user's to supply and that are not here."""
    cards = [registry.card(name, data) for name in unlisted(clips, data)]
    return tuple(Missing("data", card.by_hand, card.next_step) for card in cards)


class Published:
    """The published weights that runs start from: looked up once for all seeds and folds."""

    def __init__(self, request: Request, home: Home) -> None:
        self._request, self._home = request, home
        self._hashes: dict[tuple[str, str], str | None] = {}
        self._lacking: dict[str, Missing] = {}

    def here(self, name: str, model: str) -> str | None:
        """Return the hash of weights; see `weights_here`."""
        if (name, model) not in self._hashes:
            self._hashes[name, model] = weights_here(name, model, self._request, self._home)
        return self._hashes[name, model]

    def lacking(self, settings: dict[str, Any]) -> tuple[Missing, ...]:
        """Return the weights that a run starts from and that are not here."""
        names = [parent["name"] for parent in settings["init"] if parent["kind"] == "weights"]
        return tuple(self._no(n) for n in names if self.here(n, settings["model"]["name"]) is None)

    def _no(self, name: str) -> Missing:
        if name not in self._lacking:
            self._lacking[name] = _no_weights(name, self._home)
        return self._lacking[name]


def weights_here(name: str, model: str, request: Request, home: Home) -> str | None:
    """Return the hash of weights that are here; a demo is too small for them.

    Not so of a user's model, which is as large in a demo.
    """
    if request.profile == "demo" and identity.own(f"models/{model}") is None:
        return None
    here = store.located(name, home.data)
    return here.sha256 if here else None


def clips(
    source: ClipSource, here: Outline, found: Iterable[Finding], request: Request, data: Path
) -> tuple[Missing, ...]:
    """Return which data a run lacks, and what its guards refuse."""
    bad = sources.unusable(data)
    partly = _not_whole(source, data) if here.lacking else ""
    gaps = [Missing("data", partly or f"needs {name}{_UNUSABLE if name in bad else ''}",
                    f"repro data add {name} DIR") for name in here.lacking]  # fmt: skip
    needed = 0.0 if request.subset else registry.card(source.dataset, data).min_share
    if here.registered and here.share < needed:
        count = f"{here.present:,} of {here.total:,} clips"
        gaps.append(Missing("data", f"{source.dataset} has {count}; --subset uses them"))
    refused = [finding.text for finding in found if finding.level == "error"]
    return (*gaps, *(Missing("data", f"refused: {text}") for text in refused))


def _not_whole(source: ClipSource, data: Path) -> str:
    """Say that of folds that are asked for by name only a part is here; nothing else."""
    part = folds.part(source.dataset, source.only, data) if source.only else ""
    if not part:
        return ""
    others = folds.whole_folds(source.dataset, data)
    said = f"; --subset takes {', '.join(others)}, which are" if others else ""
    return f"folds {', '.join(source.only)} of {source.dataset} are not whole: {part} here{said}"


def _no_accuracy(settings: dict[str, Any], data: Path) -> bool:
    """Tell whether epochs are chosen by an accuracy that multi-label clips do not have."""
    recipe = settings["recipe"]
    chosen = recipe["select"] != "last" and recipe["select_metric"] == "accuracy"
    return chosen and registry.card(settings["dataset"], data).multilabel


def _no_weights(name: str, home: Home) -> Missing:
    """Say that published weights are not here, or that a demo's network is too small for them."""
    if store.located(name, home.data) is not None:
        return Missing("weights", f"too small for {name} weights: they fit the full profile")
    return Missing("weights", f"needs {name} weights", store.next_step(name))


def _idle(settings: dict[str, Any]) -> list[str]:
    """Return the augmentations of a recipe that its front end has no use for."""
    of_waveforms, of_features = (
        ("signal", "noises", "mixing"),
        ("freq_mask", "time_mask", "noise", "roll"),
    )
    idle = of_waveforms if settings["frontend"]["name"] in defaults.SPECTROGRAMS else of_features
    return [f"augment.{name}" for name in idle if settings["recipe"]["augment"][name]]
