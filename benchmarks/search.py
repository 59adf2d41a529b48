"""Search a recipe where a paper is silent, on data that no table tests: by hand.

    python benchmarks/search.py m3net step fsdd --home DIR

DIR knows the dataset (`repro data add fsdd RECORDINGS --manifest fsdd.csv`, columns path, label,
split). Each candidate is trained with every seed of its stage as a run like any other, one thread
each, two at a time (`--jobs`); what is recorded is not trained again. The choice is made on
validation clips; `--test` shows those of the test for the first row alone. Of rows that validation
cannot tell apart the smaller rate is taken, and what was there before is kept. The grids stand
below as they were run.
"""

import argparse
import dataclasses
import itertools
import json
import statistics
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from repro.places import Home, home
from repro.plan.request import Request, Run
from repro.plan.resolve import Resolver
from repro.records.ledger import Ledger
from repro.spec import catalogue, readings
from repro.spec.schema import CellFields, Recipe

# system: table, system and recipe that are searched for.
SYSTEMS = {
    "m3net": ("m3net-speechcommands", "m3net-1s", "scratch"),
    "asm": ("asmrh-speechcommands", "asm", "speechcommands"),
    "asmrh": ("asmrh-speechcommands", "asm-rh", "speechcommands"),
    "eat": ("eat-speechcommands", "eat-s-16k", "speechcommands"),
}


def grid(**axes: list[Any]) -> list[dict[str, Any]]:
    """Return every combination of values; a name is a path into recipe, model or frontend."""
    names = [name.replace("__", ".") for name in axes]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*axes.values())]


START = {"recipe.epochs": 15, "recipe.batch": 16, "recipe.optimizer.lr": 3e-3}
# The ASM family at a size that a CPU trains: the demo's, with 20 epochs and no masks or mixtures.
SMALL = {
    "frontend.frames": 128, "model.width": 64, "model.depth": 2, "model.token_hidden": 64,
    "model.channel_hidden": 128, "recipe.epochs": 20, "recipe.precision": "fp32",
    "recipe.augment": {"roll": 10}, "recipe.schedule.start": 14, "recipe.schedule.factor": 0.8,
}  # fmt: skip
READ = {**SMALL, "recipe.batch": 16, "recipe.loss": "ce", "recipe.optimizer.lr": 1e-3}
PRINTED = {"recipe.epochs": 25, "recipe.augment": {}, "recipe.schedule.start": 5,
           "recipe.schedule.factor": 0.85, "recipe.optimizer.lr": 2.5e-4}  # fmt: skip
# EAT at a size that a CPU trains in minutes, on digits that were recorded at 8 kHz: half of their
# band, two layers, short kernels; mixed from the third of 10 epochs.
EAT = {
    "frontend.rate": 4000, "frontend.multiple": 4096, "model.width": 8, "model.kernel": 7,
    "model.embedding": 64, "model.hidden": 128, "model.layers": 2, "recipe.epochs": 10,
    "recipe.batch": 32, "recipe.precision": "fp32", "recipe.augment.mix_from_epoch": 2,
}  # fmt: skip
UNSUMMED = {"recipe.grad_clip": 0.0, "recipe.optimizer.eps": 1e-8}
# EAT-S on half of the digits' band: few steps, so no mixing, a short average, a high rate.
LEARNS = {
    "frontend.rate": 4000, "frontend.multiple": 4096, "recipe.epochs": 3, "recipe.batch": 16,
    "recipe.precision": "fp32", "recipe.reduction": "mean", **UNSUMMED,
    "recipe.distill_like": "softmax", "recipe.ema": 0.9, "recipe.optimizer.lr": 1e-3,
    "recipe.schedule.momentum": "fixed", "recipe.select": "last",
    "recipe.augment.mixing": [],
}  # fmt: skip
MIXED = {"recipe.augment.mixing": ["mixup", "timemix", "freqmix", "phasemix"],
         "recipe.augment.mix_from_epoch": 1}  # fmt: skip
SUMMED = {"recipe.reduction": "sum", "recipe.grad_clip": 1.0, "recipe.optimizer.eps": 1e-4,
          "recipe.distill_like": "loss"}  # fmt: skip
GRIDS: dict[tuple[str, str], list[dict[str, Any]]] = {
    # What a step is: six pairs of rate and batch, 15 epochs.
    ("m3net", "step"): [
        {"recipe.epochs": 15, **point}
        for point in grid(recipe__batch=[16, 64], recipe__optimizer__lr=[1e-3, 3e-3, 1e-2])
    ],
    # What else is silent, one change at a time from the winner of the first.
    ("m3net", "rest"): [
        START,
        *({**START, **change} for change in (
            {"recipe.epochs": 30},
            {"recipe.schedule.name": "constant"},
            {"recipe.schedule.rise": 0.3},
            {"recipe.optimizer.name": "adamw", "recipe.optimizer.weight_decay": 1e-2},
            {"frontend.mels": 40},
            {"model.turned_back": True}, {"model.before_product": "linear"},
            {"model.turned_back": True, "model.before_product": "linear"},
        )),
    ],
    # What scales the features: the statistics that AST gives for AudioSet, FSDD's own.
    ("m3net", "level"): [
        START,
        {**START, "frontend.mean": -4.2677393, "frontend.std": 4.5689974},
        {**START, "frontend.mean": -7.78, "frontend.std": 4.64},
    ],
    # What a step is at the printed rate and course (25 epochs, falling after the fifth).
    ("asmrh", "step"): [
        {**SMALL, **PRINTED, **point}
        for point in grid(recipe__batch=[16, 48, 128], recipe__loss=["ce", "bce"])
    ],
    # How ASM-RH is read: each reading alone against the default, and ASM with as many steps.
    ("asm", "readings"): [READ],
    ("asmrh", "readings"): [
        READ,
        *({**READ, **change} for change in (
            {"model.hfft_axis": "time"}, {"model.hfft_norm": "ortho"}, {"model.pooling": "max"},
            {"model.hermit": False}, {"model.roll": False},
        )),
    ],
    # What a step of EAT is: losses summed and clipped, as released, or means.
    ("eat", "step"): [EAT, {**EAT, "recipe.reduction": "mean", **UNSUMMED}],
    # EAT's readings, one change at a time from what learns in few steps.
    ("eat", "parts"): [
        LEARNS,
        *({**LEARNS, **change} for change in (
            SUMMED,
            {"recipe.schedule.momentum": "cycle"},
            {"recipe.ema": 0.995},
            {"recipe.ema": 0.0},
            {"recipe.distill": ""},
            {"recipe.label_smoothing": 0.0},
            MIXED,
            {**MIXED, "recipe.mixed_loss": "bce-convex"},
        )),
    ],
}  # fmt: skip
# Others have seeds 0 and 1.
SEEDS = {
    ("asm", "readings"): (0, 1, 2), ("asmrh", "readings"): (0, 1, 2),
    ("eat", "step"): (0,), ("eat", "parts"): (0,),
}  # fmt: skip


def planned(name: str, point: dict[str, Any], seed: int, dataset: str, where: Home) -> Run:
    """Return the run of a system with some values changed."""
    table, system, recipe = SYSTEMS[name]
    entry = catalogue.load(table)
    start, declared = entry.recipes.systems[system], entry.recipes.recipes[recipe]
    settings = {
        "recipe": declared.model_dump(),
        "model": dict(start.args),
        "frontend": dict(entry.recipes.frontends[start.frontend]),
    }
    for path, value in point.items():
        readings.put(settings, path, value)
    recipes = entry.recipes.model_copy(
        update={
            "recipes": {recipe: Recipe.model_validate(settings["recipe"])},
            "systems": {system: start.model_copy(update={"args": settings["model"]})},
            "frontends": {start.frontend: settings["frontend"]},
        }
    )
    request = Request(audio="local", on=dataset)
    resolver = Resolver(dataclasses.replace(entry, recipes=recipes), request, where)
    fields = CellFields.model_construct(
        system=system, recipe=recipe, dataset=dataset, protocol=entry.table.protocol, seeds=[seed]
    )
    return resolver.runs(fields)[0]


def train(job: dict[str, Any], where: Home) -> str:
    """Train a run in this process, on one thread."""
    from repro.train import determinism, memory, runner

    memory.keep_freed()
    determinism.set_up(1)
    return runner.execute(job, "cpu", 1, where, lambda _: None)[0]


def main() -> None:
    """Train what is missing, then print the candidates by their validation accuracy."""
    parser = argparse.ArgumentParser()
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("stage")
    parser.add_argument("dataset")
    parser.add_argument("--home", required=True)
    parser.add_argument(
        "--test", action="store_true", help="show the test accuracy of the first row"
    )
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    where = home(asked.home)
    ledger = Ledger([where.runs])
    points, seeds = GRIDS[asked.system, asked.stage], SEEDS.get((asked.system, asked.stage), (0, 1))
    runs = [[planned(asked.system, p, s, asked.dataset, where) for s in seeds] for p in points]
    waiting = [run for row in runs for run in row if ledger.result(run.id) is None]
    with ProcessPoolExecutor(asked.jobs, max_tasks_per_child=1) as pool:
        done = [pool.submit(train, run.job(), where) for run in waiting]
        for number, future in enumerate(done, 1):
            print(f"{number}/{len(done)} {future.result()}", flush=True)
    rows = []
    for point, row in zip(points, runs, strict=True):
        done = [found for run in row if (found := ledger.result(run.id))]
        parts = {p: [100 * d.part(p).accuracy for d in done] for p in ("valid", "test")}
        rows.append({"changes": point, "runs": [run.id for run in row],
                     "seconds": sum(d.seconds for d in done), **parts})  # fmt: skip
    rows.sort(key=lambda row: -statistics.mean(row["valid"]))
    for place, row in enumerate(rows):
        if not asked.test or place:
            del row["test"]
        test = f"  test {row['test']}" if "test" in row else ""
        print(f"{statistics.mean(row['valid']):6.2f} {row['valid']} {row['changes']}{test}")
    if asked.output:
        asked.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
