"""The clips of a run in figures, as a plan needs them: no clip is named.

Plans are made again and again, and to divide 100,000 clips takes longer than all else in them. So
the figures of a pass are remembered in the home's cache, by all that decides them: the lists, the
clips at hand, the protocol, and the sources of the modules that divide. Training selects its clips
anew (`clips.select`) and refuses a split of another digest than the plan's.
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from repro import seeds
from repro.data import clips, generated, guards, manifest, protocols, registry, settings, sources
from repro.data.clips import ClipSource, Coverage
from repro.data.guards import Finding
from repro.data.protocols import Split
from repro.data.remembered import code, remembered
from repro.places import Home


@dataclass(frozen=True, kw_only=True)
class Outline(Coverage):
    """The clips of a run in figures: the split's digest, and how many clips each part has.

    used: a digest of the ids of all of them, whatever part they are in.
    """

    digest: str
    used: str = ""
    sizes: Mapping[str, int]


def outline(source: ClipSource, home: Home, rule: str) -> tuple[Outline, list[Finding]]:
    """Return the figures of a run's clips, and what stands against the splits of its pass.

    The same as `clips.select` and `clips.findings` tell; `rule` is the recipe's selection rule.
    """
    figures = _figures(replace(source, fold=0), home, rule)
    fold = figures["folds"][source.fold]
    found = Outline(
        digest=fold["digest"],
        used=fold["used"],
        sizes=fold["sizes"],
        classes=tuple(figures["classes"]),
        present=figures["present"],
        total=figures["total"],
        lacking=tuple(figures["lacking"]),
    )
    return found, [Finding(*finding) for finding in figures["findings"]]


def forget() -> None:
    """Forget what this process knows: a dataset's folder has changed since."""
    _figures.cache_clear()
    clips.forget()


@functools.cache
def _figures(source: ClipSource, home: Home, rule: str) -> dict[str, Any]:
    deciding = (clips, generated, guards, manifest, protocols, seeds, settings, sources)
    made = code(*(module.__file__ for module in deciding))
    lists = [_state(name, source, home.data) for name in clips.dataset_names(source, home.data)]
    key = ["outline", made, source.as_dict(), rule, lists]
    return dict(remembered(home.cache / "plans", key, lambda: _computed(source, home.data, rule)))


def _computed(source: ClipSource, data: Path, rule: str) -> dict[str, Any]:
    """Divide the clips; return the figures of every fold, and the findings."""
    whole = clips.whole_pass(source, data)
    folds = [
        {
            "digest": split.digest,
            "used": _used(split),
            "sizes": {name: len(part) for name, part in split.parts().items()},
        }
        for split in whole.splits
    ]
    findings = [[finding.level, finding.text] for finding in clips.findings(source, data, rule)]
    return {"folds": folds, **whole.coverage.__dict__, "findings": findings}


def _used(split: Split) -> str:
    """Return SHA-256 (hex) over the sorted ids of a split's clips."""
    ids = sorted({clip.id for part in split.parts().values() for clip in part})
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def _state(name: str, source: ClipSource, data: Path) -> list[Any]:
    """Return what decides the clips of a dataset: its list, its card, and which clips are there."""
    card = registry.card(name, data)
    state = [name, manifest.file_digest(name, data), card.min_share]
    if source.audio == "generated":
        return state
    there = sources.scanned(name, data)
    if there is None:
        return [*state, None]
    listed = "\n".join([*sorted(there.found), "", *sorted(there.left_out)])
    return [*state, hashlib.sha256(listed.encode()).hexdigest()]
