"""Which clips a model can be built for: by the rule in its file, without importing the file.

A model whose shortest input follows from its arguments says so in a function of plain Python,
`shortest_samples`. It is taken out of the source with the file's literal constants, so that a plan
needs no network; a test holds it against networks that are built.
"""

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from repro import identity

_RULE = "shortest_samples"
_OF_SAMPLES = ("waveform", "phase")  # front ends whose length follows from the clip's


@dataclass(frozen=True)
class Padded:
    """Clips that are shorter than the shortest input of a model, in samples."""

    samples: int
    least: int  # that the model takes
    length: int  # to which its front end pads them; 0: it has a length of its own, and cannot

    def told(self, system: str) -> str:
        """Say what is done with such clips, or that nothing can be."""
        samples = f"clips of {self.samples:,} samples are too short"
        short = f"{system}: {samples}, it takes {self.least:,}"
        return f"{short}; they are padded with zeros to {self.length:,}" if self.length else short


def padded(settings: Mapping[str, Any], seconds: float) -> Padded | None:
    """Return what becomes of clips of that length; None where they are long enough as they are.

    Front ends of samples pad clips with zeros to a multiple, as EAT's own code does: a longer one
    is the same, further on.
    """
    front, model = settings["frontend"], settings["model"]
    if front["name"] not in _OF_SAMPLES:
        return None
    least = shortest(model["name"], model["args"])
    args = front["args"]
    own, multiple = int(args.get("length", 0)), int(args.get("multiple", 1))
    have = own or math.ceil(Fraction(str(seconds)) * int(args["rate"]) / multiple) * multiple
    if least is None or have >= least:
        return None
    return Padded(have, least, 0 if own else math.ceil(least / multiple) * multiple)


def shortest(model: str, args: Mapping[str, Any]) -> int | None:
    """Return the fewest samples that a model takes; None where its file states no rule."""
    text = identity.source(f"models/{model}")
    if text is None or f"def {_RULE}(" not in text:
        return None
    rule, names = _rule(text)
    return rule(**{name: value for name, value in args.items() if name in names})


@cache
def _rule(text: str) -> tuple[Callable[..., int], tuple[str, ...]]:
    """Return the rule of a file, and the arguments that it reads."""
    tree = ast.parse(text)
    known: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            try:
                value = ast.literal_eval(node.value)
            except ValueError:
                continue  # no literal
            known |= {target.id: value for target in targets if isinstance(target, ast.Name)}
    made = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == _RULE)
    exec(compile(ast.Module([made], []), _RULE, "exec"), known)  # our own file
    rule: Callable[..., int] = known[_RULE]
    return rule, tuple(argument.arg for argument in made.args.args)
