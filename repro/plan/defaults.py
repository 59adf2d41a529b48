"""What a constructor's defaults decide: read from the source, so that no network is imported."""

import ast
from collections.abc import Mapping
from functools import cache
from typing import Any

from repro import identity

SPECTROGRAMS = ("fbank", "logmel")  # front ends that make a fixed number of frames
# A front end's file and class by the name that recipes use.
_FRONTENDS = {
    "fbank": ("frontends", "Fbank"),
    "logmel": ("frontends/logmel", "LogMel"),
    "waveform": ("frontends/waveforms", "Waveform"),
    "phase": ("frontends/waveforms", "Phase"),
}
_NO_SETTING = ("device",)  # where it computes, not what


@cache
def of_model(name: str) -> Mapping[str, Any]:
    """Return the default of every argument of a model; {} where there is no such model.

    Of a user's file too: its digest is in the id, so what it leaves unsaid decides nothing more.
    """
    if identity.own(f"models/{name}") is not None:
        return {}
    tree = _tree(f"models/{name}")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "build":
            return _defaults(
                tree, str(ast.literal_eval(ast.unparse(node.returns or ast.Constant(""))))
            )
    return {}


@cache
def of_frontend(name: str) -> Mapping[str, Any]:
    """Return the default of every argument of a front end; {} where there is no such one."""
    if name not in _FRONTENDS:
        return {}
    part, kind = _FRONTENDS[name]
    return _defaults(_tree(part), kind)


def without(
    args: Mapping[str, Any], defaults: Mapping[str, Any], named: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments that stand in a run's identity.

    Those that the table's files name, and others where they are not at their default: an argument
    that a model learns to take later leaves the ids of older runs as they were.
    """
    return {k: v for k, v in args.items() if k in named or v != defaults[k]}


def _tree(part: str) -> ast.Module:
    source = identity.source(part)
    return ast.parse(source or "")


def _defaults(tree: ast.Module, kind: str) -> dict[str, Any]:
    """Return the defaults of a class's constructor, in its order."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == kind:
            made = next(
                n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"
            )
            named = made.args.args[-len(made.args.defaults) :] if made.args.defaults else []
            pairs = zip(named, made.args.defaults, strict=True)
            return {a.arg: ast.literal_eval(d) for a, d in pairs if a.arg not in _NO_SETTING}
    return {}
