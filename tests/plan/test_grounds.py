"""Every value that decides a run is printed, assumed, or of something the paper never mentions."""

import pytest

from repro.plan import defaults, grounds
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.spec import catalogue, index, readings
from repro.spec.schema import Recipe
from tests import tiny

# What a recipe has at these values does nothing, whatever its default is.
_NOTHING = (False, 0, 0.0, "", [], None)


def does_nothing(settings, path):
    """Tell whether a value is the one at which its ingredient does nothing."""
    value = readings.get(settings, path)
    part, _, name = path.partition(".")
    if part == "recipe":
        return bool(value in _NOTHING or value == _default(name))
    known = {"model": defaults.of_model, "frontend": defaults.of_frontend}[part]
    return bool(value == known(str(settings[part]["name"])).get(name.removeprefix("args.")))


def _default(name):
    """Return the default of a recipe's field by its dotted name."""
    here = Recipe
    *outer, last = name.split(".")
    for part in outer:
        here = here.model_fields[part].annotation
    return here.model_fields[last].default


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tiny.home(tmp_path_factory.mktemp("empty") / "home")


def systems(table, home):
    entry = catalogue.load(table)
    plan = plan_table(entry, Request(), home)
    for system, settings in plan.settled.items():
        yield entry, system, settings


@pytest.mark.parametrize("table", list(index.table_paths()))
def test_every_value_rests_on_something(table, home):
    for entry, system, settings in systems(table, home):
        found = list(grounds.grounds(entry, system, settings))
        assert len(found) > 30, "a recipe alone has as many"
        bare = [f"{g.path} = {g.value}" for g in found if not g.kind]
        assert bare == [], f"{table}, {system}: neither printed nor assumed"
        loud = [
            f"{g.path} = {g.value}"
            for g in found
            if g.kind == "unmentioned" and not does_nothing(settings, g.path)
        ]
        assert loud == [], f"{table}, {system}: called unmentioned, yet it does something"
