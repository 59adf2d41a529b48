"""Run ids: one JSON text for one run, and ids that old runs keep."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from repro import identity
from repro.spec.schema import Recipe, neutral

# Resolved runs with their ids, from the day each was first possible. Lines are only ever added:
# if one fails, records that users have made would be orphaned.
OLD = json.loads(Path(__file__).with_name("identities.json").read_text(encoding="utf-8"))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
quick = settings(deadline=None, derandomize=True, max_examples=150)


@quick
@given(values)
def test_canonical_json_is_a_fixed_point_and_loses_nothing(value):
    text = identity.canonical(value)
    assert json.loads(text) == value
    assert identity.canonical(json.loads(text)) == text


@quick
@given(st.dictionaries(st.text(), scalars, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value, random):
    items = list(value.items())
    random.shuffle(items)
    assert identity.digest(dict(items)) == identity.digest(value)


@quick
@given(values, values)
def test_equal_digests_mean_equal_json(one, two):
    equal = identity.canonical(one) == identity.canonical(two)
    assert (identity.digest(one) == identity.digest(two)) == equal


def test_canonical_json_by_hand():
    value = {"b": [1, 2.5, True, None], "a": {"é": "ü"}, "rate": 2.5e-4}
    assert identity.canonical(value) == '{"a":{"é":"ü"},"b":[1,2.5,true,null],"rate":0.00025}'
    assert identity.canonical((1, 2)) == identity.canonical([1, 2])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_json_number_is_refused(bad):
    with pytest.raises(ValueError, match="JSON"):
        identity.canonical({"lr": bad})


def test_ids_have_the_lengths_that_are_shown():
    assert len(identity.run_id({"seed": 0})) == 12
    assert len(identity.execution_id({"device": "cpu"})) == 6
    assert identity.digest({"seed": 0}).startswith(identity.run_id({"seed": 0}))


class Inner(BaseModel):
    kept: int = 1
    added: float = neutral(0.0)


class Outer(BaseModel):
    name: str
    always: int = 3
    later: list[str] = neutral([])
    inner: Inner = Inner()


def test_a_field_at_its_neutral_value_is_left_out_and_no_other():
    assert identity.dump(Outer(name="x")) == {"name": "x", "always": 3, "inner": {"kept": 1}}
    full = Outer(name="x", later=["noise"], inner=Inner(added=0.1))
    assert identity.dump(full) == {
        "name": "x",
        "always": 3,
        "later": ["noise"],
        "inner": {"kept": 1, "added": 0.1},
    }


def test_saying_the_neutral_value_is_saying_nothing():
    assert identity.dump(Inner(added=0.0)) == identity.dump(Inner())
    assert identity.dump(Outer(name="x", later=[])) == identity.dump(Outer(name="x"))


@pytest.mark.parametrize("old", OLD, ids=lambda old: old["id"])
def test_old_runs_keep_their_ids(old):
    assert identity.run_id(old["resolved"]) == old["id"]


@pytest.mark.parametrize("old", OLD, ids=lambda old: old["id"])
def test_the_recipe_of_an_old_run_still_reads_the_same(old):
    """A field added since must be neutral at what it did before: else this recipe grows."""
    recipe = identity.dump(Recipe.model_validate({**old["resolved"]["recipe"], "source": ""}))
    del recipe["source"], recipe["demo"]
    assert identity.canonical(recipe) == identity.canonical(old["resolved"]["recipe"])


def test_the_list_of_old_runs_covers_full_and_demo_and_every_system_of_table_1():
    found = {(old["profile"], old["system"]) for old in OLD}
    assert found >= {(p, s) for p in ("full", "demo") for s in ("asm", "asm-i", "asm-rh")}


@pytest.mark.parametrize(
    "file", ["models/asm", "models/asmrh", "frontends", "augment", "train/loop"]
)
def test_a_version_is_read_without_importing_the_file(file):
    module = f"repro.{file.replace('/', '.')}"
    code = f"import sys; from repro import identity; print(identity.version_of({file!r})); "
    code += f"print({module!r} in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    version, loaded = done.stdout.split("\n")[:2]
    assert loaded == "False False"
    assert int(version) >= 1


def test_the_version_that_is_read_is_the_one_that_runs():
    from repro.augment import spectrogram
    from repro.frontends import fbank
    from repro.models import asm, asmrh

    for file, module in {
        "models/asm": asm, "models/asmrh": asmrh, "frontends": fbank, "augment": spectrogram,
    }.items():  # fmt: skip
        assert identity.version_of(file) == module.VERSION


def test_a_file_that_is_not_there_has_no_version():
    assert identity.version_of("models/no_such_model") is None


def test_a_file_without_a_version_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "unversioned.py").write_text("    VERSION = 3\n")
    monkeypatch.setattr(identity, "_PACKAGE", tmp_path)
    with pytest.raises(ValueError, match="VERSION"):
        identity.version_of("models/unversioned")
