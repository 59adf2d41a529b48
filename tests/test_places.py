"""Where things live: an option, a variable, the checkout; never the working directory."""

from pathlib import Path

import pytest

from repro import places
from repro.errors import UserError

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in ("REPRO_HOME", "REPRO_DATA", "REPRO_CACHE"):
        monkeypatch.delenv(name, raising=False)


def test_the_checkout_is_the_home_of_an_editable_install(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = places.home()
    assert (home.root, home.runs) == (CHECKOUT, CHECKOUT / "runs")
    assert (home.data, home.cache) == (CHECKOUT / "data", CHECKOUT / "cache")


def test_an_option_goes_before_the_variable_and_the_variable_before_the_checkout(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("REPRO_HOME", str(tmp_path / "variable"))
    assert places.home().root == tmp_path / "variable"
    assert places.home(tmp_path / "option").root == tmp_path / "option"
    assert places.home(str(tmp_path / "option")).data == tmp_path / "option" / "data"


def test_data_and_cache_can_be_moved_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_DATA", str(tmp_path / "big"))
    home = places.home(tmp_path / "home")
    assert (home.data, home.cache) == (tmp_path / "big", tmp_path / "home" / "cache")
    monkeypatch.setenv("REPRO_CACHE", "~/quick")
    assert places.home(tmp_path / "home").cache == Path.home() / "quick"


def test_without_a_checkout_it_is_the_users_data_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "_PACKAGE", tmp_path / "site-packages" / "repro")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.checkout() is None
    root = places.home().root
    assert root.name == "repro"
    assert root.is_relative_to(tmp_path)


def test_resolving_a_home_makes_no_folder(tmp_path):
    places.home(tmp_path / "home")
    assert list(tmp_path.iterdir()) == []


def test_what_ships_lies_beside_the_package_or_inside_a_wheel(tmp_path, monkeypatch):
    assert places.shipped("tables") == CHECKOUT / "tables"
    inside = tmp_path / "repro" / "_shipped" / "tables"
    inside.mkdir(parents=True)
    monkeypatch.setattr(places, "_PACKAGE", tmp_path / "repro")
    assert places.shipped("tables") == inside


def test_a_home_that_cannot_be_a_folder_is_refused_by_the_name_it_was_given_by(
    tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("")
    for path in ("file", "file/below", "file/deep/below"):
        with pytest.raises(UserError, match=f"--home {tmp_path / path}.* is not a folder"):
            places.home(tmp_path / path)
    for name in ("REPRO_HOME", "REPRO_DATA", "REPRO_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "file"))
        with pytest.raises(UserError, match=f"{name} {tmp_path}"):
            places.home()
        monkeypatch.delenv(name)
    assert places.home(tmp_path / "not" / "yet").root == tmp_path / "not" / "yet"


def test_threads_of_a_process_that_wait_sleep_unless_the_user_says_otherwise(tmp_path, monkeypatch):
    home = places.home(tmp_path)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert places.environment(home)["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert places.environment(home)["OMP_WAIT_POLICY"] == "ACTIVE"
