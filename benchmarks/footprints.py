"""Count how much memory a training step of each kind of run takes: writes results/memory.json.

    python benchmarks/footprints.py            what is not counted yet
    python benchmarks/footprints.py --again    all of it

Every kind of run of the tables, rivals too, at full size with its own batch: as it is, with
--checkpoint-activations, and with half the batch at once. On the meta device, so no memory is
needed; one thread, 5 to 60 s a kind. Kinds that no table has any more are dropped.
"""

import json
import sys
import time
from typing import Any

import torch

from repro import atomic, places
from repro.data import registry
from repro.measure import footprint, networks
from repro.plan import memory
from repro.plan.planning import plan_table
from repro.plan.request import Request, Run
from repro.spec import catalogue
from repro.train import determinism

NOWHERE = places.home("/nonexistent")


def kinds() -> dict[str, Run]:
    """Return a run of each kind."""
    found: dict[str, Run] = {}
    for entry in catalogue.load_all():
        plan = plan_table(entry, Request(rivals=True), NOWHERE)
        for run in (*plan.parents, *plan.runs):
            found.setdefault(memory.kind_of(run.resolved), run)
    return found


def count(run: Run) -> dict[str, Any]:
    """Return what the file says of a kind."""
    resolved, recipe = run.resolved, run.resolved["recipe"]
    given = networks.input_of(resolved["dataset"])
    half = (recipe.get("micro_batch") or recipe["batch"]) // 2
    every = registry.card(resolved["dataset"], NOWHERE.data).clips or 0
    train = run.clip_epochs // recipe["epochs"]
    return {
        "system": run.system, "dataset": resolved["dataset"], "batch": recipe["batch"],
        "precision": recipe["precision"], "network": memory.network_of(resolved),
        "step": footprint.peak(resolved, given),
        "again": footprint.peak(resolved, given, checkpoint_activations=True),
        "half": footprint.peak(resolved, given, micro_batch=half),
        "moved": footprint.moved(resolved, given),
        **footprint.lasting(resolved, given, train, every),
    }  # fmt: skip


def main() -> None:
    """Count, and write after each kind."""
    determinism.set_up(1)
    file = places.shipped("results") / memory.FILE
    known = {} if "--again" in sys.argv else memory.counted()
    wanted = kinds()
    found = {kind: known[kind] for kind in wanted if kind in known}
    for kind, run in wanted.items():
        if kind in found:
            continue
        began = time.monotonic()
        found[kind] = count(run)
        sizes = [f"{found[kind][name] / 1e9:.2f}" for name in ("step", "again", "half")]
        print(run.system, run.resolved["dataset"], *sizes, f"{time.monotonic() - began:.0f} s",
              flush=True)  # fmt: skip
        content = {"torch": torch.__version__.partition("+")[0], "steps": found}
        atomic.write(file, (json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
