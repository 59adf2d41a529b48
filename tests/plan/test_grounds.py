"""Every value that decides a run is printed, assumed, or of something the paper never mentions."""

import pytest

from repro.plan import grounds
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.spec import catalogue, index
from tests import tiny


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
            if g.kind == "unmentioned" and not grounds.does_nothing(settings, g.path)
        ]
        assert loud == [], f"{table}, {system}: called unmentioned, yet it does something"
