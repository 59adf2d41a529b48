"""Compute what a training step of the tables' systems must do at least, as `repro bench` counts it.

    python benchmarks/limits.py

Prints a Markdown table. Nothing is measured: networks are counted on the meta device, at full size,
with the recipes of the first tables that train them.
"""

from repro import places
from repro.commands import bench
from repro.measure import limits

NOWHERE = places.home("/nonexistent")  # no data is needed
AST_BASE = "ast-base"  # of no table here: with the front end and recipe of ASM-RH
SYSTEMS = ("asm-rh", AST_BASE, "ast-s", "ast-ti", "eat-s", "eat-m", "m3net", "gafx-u", "gafx-r")


def main() -> None:
    head = ["system", "table", "input", "batch", "precision"]
    head += ["GFLOP", "parameters, GB", "activations, GB", "operations a byte"]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for system in SYSTEMS:
        name = "asm-rh" if system == AST_BASE else system
        entry, run = bench._run(name, None, {}, NOWHERE)
        resolved, recipe = run.resolved, run.resolved["recipe"]
        if system == AST_BASE:
            resolved = {**resolved, "model": {"name": "ast_vit", "args": {"size": "base384"}}}
        model, shape = bench._counted(resolved, NOWHERE)
        work = limits.work(model, shape, recipe["batch"], recipe)
        moved = work.parameter_bytes + work.activation_bytes
        cells = [system, entry, " x ".join(map(str, shape)), recipe["batch"], recipe["precision"],
                 f"{work.operations / 1e9:,.4g}", f"{work.parameter_bytes / 1e9:.3g}",
                 f"{work.activation_bytes / 1e9:.3g}", round(work.operations / moved)]  # fmt: skip
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
