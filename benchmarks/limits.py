"""Compute what a training step of the tables' systems must do at least, as `repro bench` counts it.

    python benchmarks/limits.py

Prints a Markdown table. Nothing is measured: networks are counted on the meta device, at full size,
with the recipes of the first tables that train them. The last column is what a step moves where
each operation is a kernel of its own: what all of them read and write, over the bytes of the rule.
"""

from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from repro import places
from repro.commands import bench
from repro.measure import footprint, limits, networks
from repro.measure.mixed import as_on_cuda
from repro.train import batches, loop
from repro.train.feed import Feed

NOWHERE = places.home("/nonexistent")  # no data is needed
AST_BASE = "ast-base"  # of no table here: with the front end and recipe of ASM-RH
SYSTEMS = ("asm-rh", AST_BASE, "ast-s", "ast-ti", "eat-s", "eat-m", "m3net", "gafx-u", "gafx-r")


class Moved(TorchDispatchMode):
    """Count the bytes that operations read and write while it is entered."""

    bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation; views and tensors without values move nothing."""
        made = func(*args, **(kwargs or {}))
        if not func.is_view and not func._schema.name.startswith(
            ("aten::empty", "aten::new_empty")
        ):
            touched = tree_leaves((args, kwargs, made))
            self.bytes += sum(
                t.numel() * t.element_size() for t in touched if isinstance(t, Tensor)
            )
        return made


def op_by_op(resolved: dict[str, Any]) -> float:
    """Return the bytes that the operations of one training step read and write."""
    task = footprint._task(resolved, networks.input_of(resolved["dataset"]), 0, False, "meta")
    with as_on_cuda():
        learner, feed = loop.Learner(task), Feed(task)
        feed.ahead = False
        task.model.train()
        _, *batch = next(iter(batches.training_batches(task, feed, 0)))
        loop._step(task, learner, *batch)  # makes the optimiser's moments
        with Moved() as moved:
            loop._step(task, learner, *batch)
    return float(moved.bytes)


def main() -> None:
    """Print a line for each system."""
    head = ["system", "table", "input", "batch", "precision"]
    head += ["GFLOP", "parameters, GB", "activations, GB", "operations a byte", "op by op"]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for system in SYSTEMS:
        name = "asm-rh" if system == AST_BASE else system
        entry, run = bench._run(name, None, {}, NOWHERE)
        resolved, recipe = run.resolved, run.resolved["recipe"]
        if system == AST_BASE:
            model = {"name": "ast_vit", "version": 0, "args": {"size": "base384"}}
            resolved = {**resolved, "model": model}
        model, shape = bench._counted(resolved, NOWHERE)
        work = limits.work(model, shape, recipe["batch"], recipe)
        moved = work.parameter_bytes + work.activation_bytes
        cells = [system, entry, " x ".join(map(str, shape)), recipe["batch"], recipe["precision"],
                 f"{work.operations / 1e9:,.4g}", f"{work.parameter_bytes / 1e9:.3g}",
                 f"{work.activation_bytes / 1e9:.3g}", round(work.operations / moved),
                 f"{op_by_op(resolved) / moved:.2f}"]  # fmt: skip
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
