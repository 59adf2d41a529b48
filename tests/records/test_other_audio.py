"""A result of other audio is never in the way, and never replaced: each audio has its place."""

import pytest

from repro.records import writing
from repro.records.ledger import Ledger
from repro.records.reading import Damaged
from tests import fake_ledger, made_records
from tests.records.test_ledger import EXECUTION, RUN, finish, names, record

A, B = "a" * 64, "b" * 64


def beside(heard):
    return f"{EXECUTION}.heard-{heard[:6]}"


def damaged(runs):
    """Read all records; return those that cannot be believed."""
    ledger = Ledger([runs])
    list(ledger.all())
    return ledger.damaged()


def only(heard):
    """Fit records of one audio, as the runner does where that audio is here."""
    return lambda read: read.heard == heard


def test_each_audio_has_its_place_and_the_first_one_stays(tmp_path):
    first = finish(tmp_path, heard=A, seconds=1.0)
    other = finish(tmp_path, heard=B, seconds=2.0)
    assert (first.name, other.name) == (EXECUTION, beside(B))
    assert finish(tmp_path, heard=A, seconds=3.0) == first
    assert finish(tmp_path, heard=B, seconds=4.0) == other
    assert names(tmp_path / RUN) == [EXECUTION, beside(B)]
    found = {r.heard: (r.seconds, r.execution) for r in Ledger([tmp_path]).records(RUN)}
    assert found == {A: (1.0, EXECUTION), B: (2.0, EXECUTION)}
    assert damaged(tmp_path) == []


@pytest.mark.parametrize(
    ("earlier", "later", "apart"),
    [
        ({"store": A}, {"store": A, "heard": B}, False),
        ({"store": A}, {"store": B, "heard": B}, True),  # equal clips: other stores, other audio
        ({}, {"store": B, "heard": B}, False),  # its parent diverged: it heard nothing
        ({"store": A, "heard": A}, {"store": A, "heard": A}, False),
    ],
)
def test_records_that_state_less_are_compared_by_what_both_state(tmp_path, earlier, later, apart):
    finish(tmp_path, **earlier)
    finish(tmp_path, **later)
    assert names(tmp_path / RUN) == ([EXECUTION, beside(B)] if apart else [EXECUTION])


def test_only_a_result_that_fits_is_taken_for_done(tmp_path):
    finish(tmp_path, heard=A)
    with writing.work(tmp_path, RUN, EXECUTION, only(B)) as work:
        assert work.result() is None
        assert work.folder.is_dir()
    finish(tmp_path, heard=B)
    for heard, name in ((A, EXECUTION), (B, beside(B))):
        with writing.work(tmp_path, RUN, EXECUTION, only(heard)) as work:
            assert work.result().name == name
            assert not work.folder.exists()


def test_what_a_killed_process_had_written_whole_gets_its_place_and_may_not_fit(tmp_path):
    finish(tmp_path, heard=A)
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        fake_ledger.sealed(work.folder, record(heard=B))
    with writing.work(tmp_path, RUN, EXECUTION, only("c" * 64)) as work:
        assert work.result() is None
        assert names(work.folder) == []
    assert names(tmp_path / RUN) == [EXECUTION, beside(B)]


def test_a_failure_on_other_audio_is_kept_beside_the_result(tmp_path):
    finish(tmp_path, heard=A)
    with writing.work(tmp_path, RUN, EXECUTION, only(B)) as work:
        path = work.finish(record("failed", cause="no memory"))
    assert path.name == f"{EXECUTION}.failed-1"
    assert Ledger([tmp_path]).result(RUN).heard == A
    assert [r.cause for r in Ledger([tmp_path]).records(RUN) if not r.done] == ["no memory"]


def test_a_damaged_record_of_other_audio_steps_aside(tmp_path):
    finish(tmp_path, heard=A)
    other = finish(tmp_path, heard=B)
    (other / "run.json").write_text("{}")
    finish(tmp_path, heard=B, seconds=9.0)
    assert names(tmp_path / RUN) == [EXECUTION, f"{EXECUTION}.damaged-1", beside(B)]
    assert damaged(tmp_path) == []


@pytest.mark.parametrize("heard", [A, None])
def test_a_folder_that_says_another_audio_is_damaged(tmp_path, heard):
    """Copied over, or renamed by hand to stand for the audio that is here."""
    finish(tmp_path, heard=heard)
    (tmp_path / RUN / EXECUTION).rename(tmp_path / RUN / beside(B))
    (found,) = damaged(tmp_path)
    assert isinstance(found, Damaged)
    assert "its audio is" in found.findings[0]


def test_a_record_from_elsewhere_is_placed_by_its_audio(tmp_path):
    finish(tmp_path / "runs", heard=A)
    whole = finish(tmp_path / "elsewhere", heard=B)
    writing.adopt(tmp_path / "runs", whole, RUN, made_records.execution_id())
    assert names(tmp_path / "runs" / RUN) == [EXECUTION, beside(B)]
