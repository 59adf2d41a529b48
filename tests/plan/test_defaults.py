"""Constructor defaults, read from the source: the ones that Python itself would fill in."""

import importlib
import inspect
from pathlib import Path

import pytest

from repro.frontends import fbank, logmel, waveforms
from repro.plan import defaults

MODELS = sorted(path.stem for path in Path(defaults.__file__).parents[1].glob("models/[!_]*.py"))


def filled_in(kind):
    parameters = inspect.signature(kind).parameters
    return {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.default is not parameter.empty and name != "device"
    }


@pytest.mark.parametrize("name", MODELS)
def test_a_model_s_defaults_are_those_of_its_constructor(name):
    module = importlib.import_module(f"repro.models.{name}")
    network = getattr(module, inspect.signature(module.build).return_annotation)
    assert defaults.of_model(name) == filled_in(network) != {}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fbank", fbank.Fbank),
        ("logmel", logmel.LogMel),
        ("waveform", waveforms.Waveform),
        ("phase", waveforms.Phase),
    ],
)
def test_a_front_end_s_defaults_are_those_of_its_constructor(name, kind):
    assert defaults.of_frontend(name) == filled_in(kind) != {}


def test_what_is_not_there_has_none():
    assert defaults.of_model("no_such_model") == defaults.of_frontend("no_such_one") == {}


def test_an_argument_enters_the_identity_when_it_is_named_or_not_at_its_default():
    known = {"width": 16, "pooling": "mean", "dropout": 0.0}
    args = {"width": 16, "pooling": "max", "dropout": 0.0}
    assert defaults.without(args, known, {"width": 16}) == {"width": 16, "pooling": "max"}
