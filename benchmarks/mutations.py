"""Every small change of a Python file: one operator, constant, condition, return or statement."""

import ast
import copy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OTHER: dict[type[ast.AST], list[type[ast.AST]]] = {
    ast.Lt: [ast.LtE, ast.GtE], ast.LtE: [ast.Lt, ast.Gt], ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.In: [ast.NotIn],
    ast.NotIn: [ast.In], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is], ast.Add: [ast.Sub],
    ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult], ast.FloorDiv: [ast.Mult],
    ast.Mod: [ast.Mult], ast.Pow: [ast.Mult], ast.And: [ast.Or], ast.Or: [ast.And],
}  # fmt: skip
SWAPS = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor"}


@dataclass(frozen=True)
class Mutant:
    """A file with one change."""

    path: str  # from the root of the checkout
    line: int
    kind: str  # logic or text
    before: str
    after: str
    source: str  # of the whole changed file

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.path}\n{self.source}".encode()).hexdigest()[:16]


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every change of a file."""
    tree = ast.parse(path.read_text())
    order = [node for node in ast.walk(tree) if hasattr(node, "lineno") or _is_filter(node)]
    skipped = _skipped(tree)
    for place, node in enumerate(order):
        if id(node) in skipped:
            continue
        for number in range(len(list(_changes(node)))):
            other = copy.deepcopy(tree)
            walk = [n for n in ast.walk(other) if hasattr(n, "lineno") or _is_filter(n)]
            twin = walk[place]
            before = ast.unparse(twin)
            kind, changed = list(_changes(twin))[number]
            _replace(other, twin, changed)
            source = ast.unparse(ast.fix_missing_locations(other))
            name, line = str(path.relative_to(ROOT)), getattr(node, "lineno", 0)
            if _is_filter(node):
                line = node.ifs[0].lineno
            yield Mutant(name, line, kind, before, ast.unparse(changed), source)


def _is_filter(node: Any) -> bool:
    return isinstance(node, ast.comprehension) and bool(node.ifs)


def _skipped(tree: ast.Module) -> set[int]:
    """Return the nodes that are no code: docstrings, imports, decorators, what is for types."""
    roots: list[ast.AST] = []
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            roots += [body[0]] if isinstance(value, ast.Constant) else []
        roots += [part for name in ("annotation", "returns") if (part := getattr(node, name, None))]
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert):
            roots.append(node)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            roots.append(node)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            roots += node.decorator_list
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            roots.append(node)
    return {id(part) for root in roots for part in ast.walk(root)}


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what a node may become, with the kind of change."""
    match node:
        case ast.Compare(ops=ops):
            for i, op in enumerate(ops):
                for other in OTHER[type(op)]:
                    yield "logic", _with(node, ops=[*ops[:i], other(), *ops[i + 1 :]])
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op) if type(op) in OTHER:
            yield "logic", _with(node, op=OTHER[type(op)][0]())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield "logic", operand
        case ast.Constant(value=bool() as value):
            yield "logic", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield "logic", ast.Constant(value + 1)
        case ast.Constant(value=float() as value):
            yield "logic", ast.Constant(2 * value if value else 1.0)
        case ast.Constant(value=str() as value):
            yield "text", ast.Constant(value + "~")
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield "logic", _with(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.comprehension(ifs=[_, *_]):
            yield "logic", _with(node, ifs=[])
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield "logic", ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.Raise():
            yield "logic", ast.Pass()
        case ast.Continue():
            yield "logic", ast.Break()
        case ast.Break():
            yield "logic", ast.Continue()
        case ast.Call(func=ast.Name(id=name)) if name in SWAPS:
            yield "logic", _with(node, func=ast.Name(SWAPS[name], ast.Load()))
        case ast.Call(func=ast.Attribute(attr=name) as func) if name in SWAPS:
            yield "logic", _with(node, func=_with(func, attr=SWAPS[name]))


def _with(node: Any, **fields: Any) -> Any:
    """Return a copy of a node with some fields changed."""
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _replace(tree: ast.Module, old: ast.AST, new: ast.AST) -> None:
    """Put one node in the place of another."""
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return
            if isinstance(value, list):
                for i, each in enumerate(value):
                    if each is old:
                        value[i] = new
                        return
