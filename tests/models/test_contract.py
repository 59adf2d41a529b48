"""What every model's file keeps: a new model is one file, and these tests exist at once."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

from repro import identity

FOLDER = Path(__file__).resolve().parents[2] / "repro" / "models"
MODELS = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_one_file_that_builds_and_says_where_it_parts(name):
    module = importlib.import_module(f"repro.models.{name}")
    assert "Deviations:" in module.__doc__
    assert identity.version_of(f"models/{name}") == module.VERSION
    assert list(inspect.signature(module.build).parameters)[:2] == ["classes", "input_shape"]
    network = inspect.signature(module.build).return_annotation
    assert callable(getattr(module, network).init_parameter)


@pytest.mark.parametrize("name", MODELS)
def test_batch_norm_is_declared_where_there_is_some(name):
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    normed = any(
        isinstance(node, ast.Attribute) and node.attr.startswith("BatchNorm")
        for node in ast.walk(tree)
    )
    assert identity.has_batch_norm(f"models/{name}") == normed
