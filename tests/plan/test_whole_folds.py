"""With three of ten official folds at hand, --subset runs the protocol over those three."""

import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from repro.commands._entry import main
from repro.data import audio as audio_store
from repro.data import clips, manifest, outlines, sources
from repro.data.folders import folds
from repro.data.waveforms import here, table
from repro.errors import UserError
from repro.places import Home
from repro.plan import marks
from repro.plan.planning import plan_table
from repro.plan.request import Missing, Request, ask, requests
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.render import grid
from repro.spec import catalogue

NAME, TABLE = "urbansound8k", "m3net-urbansound8k"
FOLDS = "SUBSET of urbansound8k: 3 of 10 official folds (1, 2, 10), 2,598 of 8,732 clips"


@pytest.fixture(scope="module")
def listed():
    return manifest.load(NAME).clips


@pytest.fixture(scope="module")
def audio(tmp_path_factory, listed):
    """Folds 1, 2 and 10, and every second clip of fold 3."""
    root = tmp_path_factory.mktemp("us8k")
    for place, clip in enumerate(listed):
        if clip.part in ("1", "2", "10") or (clip.part == "3" and place % 2):
            (root / clip.id).parent.mkdir(parents=True, exist_ok=True)
            (root / clip.id).touch()
    return root


@pytest.fixture
def home(tmp_path, audio):
    found = Home(tmp_path / "runs", tmp_path / "data", tmp_path / "cache")
    sources.add(NAME, audio, found.data)
    outlines.forget()
    yield found
    outlines.forget()


def split_parts(run, home):
    split = clips.select(run.clips, home.data).split
    return [{clip.part for clip in part} for part in split.parts().values()]


def test_each_whole_fold_is_tested_once_and_the_next_one_validates(home):
    request = Request(on=NAME, subset=True, audio="local", seeds=(0,))
    plan = plan_table(catalogue.load(TABLE), request, home)
    runs = plan.needed()
    assert [split_parts(run, home) for run in runs] == [
        [{"10"}, {"2"}, {"1"}], [{"1"}, {"10"}, {"2"}], [{"2"}, {"1"}, {"10"}],
    ]  # fmt: skip
    assert not any(run.missing for run in runs)
    assert FOLDS in marks.marks(plan, ())
    chosen = plan_table(catalogue.load(TABLE), replace(request, execution="eb2048"), home)
    assert marks.marks(chosen, ())[-2:] == ("SEEDS 0", "EXECUTION eb2048")
    source = clips.ClipSource.from_dict(runs[0].clips.as_dict())
    assert source == runs[0].clips
    assert len({run.id for run in runs}) == 3


@pytest.mark.parametrize("kind", ["random", "grouped"])
def test_other_protocols_draw_as_many_folds_from_the_same_clips(home, listed, kind):
    request = Request(on=NAME, subset=True, audio="local", seeds=(0,), protocol=kind)
    plan = plan_table(catalogue.load(TABLE), request, home)
    runs = plan.needed()
    assert [run.clips.folds for run in runs] == [3, 3, 3]
    tested = [clip for run in runs for clip in clips.select(run.clips, home.data).split.test]
    assert sorted(tested) == sorted(c for c in listed if c.part in ("1", "2", "10"))


def test_a_table_s_own_protocol_does_the_same(home):
    assume = {"split": "official"}
    request = Request(subset=True, audio="local", assume=assume)
    plan = plan_table(catalogue.load(TABLE), request, home)
    assert {run.clips.folds for run in plan.runs} == {3}
    request = Request(subset=True, audio="local")  # hold-out, drawn from the same clips
    held = plan_table(catalogue.load(TABLE), request, home).runs[0]
    assert {part for parts in split_parts(held, home) for part in parts} == {"1", "2", "10"}


def test_of_some_folds_the_seeds_asked_for_are_all_that_is_wanted(home):
    """In the paper's own table too: others would be declared for all ten folds."""
    entry, asked = catalogue.load(TABLE), {"assume": {"split": "official"}, "seeds": (0, 1)}
    here = plan_table(entry, Request(subset=True, audio="local", **asked), home)
    assert {run.seed for run in here.runs} == {0, 1}
    whole = plan_table(entry, Request(audio="local", **asked), home)
    assert {run.seed for run in whole.runs} == {0, 1, 2, 3, 4}


def test_what_some_folds_can_show_is_said_of_the_protocol_that_they_are_split_by(home):
    entry, asked = catalogue.load(TABLE), {"subset": True, "audio": "local"}
    official = plan_table(entry, Request(assume={"split": "official"}, **asked), home)
    assert "On 3 folds a run trains on 1, on all 10 on 8: systems" in marks.warning(official)
    drawn = plan_table(entry, Request(**asked), home)  # a tenth to test, another to validate
    assert "A run has the clips of 3 folds to split, not of 10: systems" in marks.warning(drawn)


def test_all_folds_by_name_are_the_table_itself(tmp_path):
    with pytest.raises(UserError, match="urbansound8k has no other fold") as told:
        folds.named_folds(NAME, tuple(map(str, range(1, 11))), tmp_path)
    assert told.value.next_step == "leave --folds out"


def test_without_subset_or_with_two_whole_folds_nothing_changes(home, audio, listed):
    request = Request(on=NAME, audio="local", seeds=(0,))
    whole = plan_table(catalogue.load(TABLE), request, home)
    assert len(whole.needed()) == 10
    assert all(run.missing and run.clips.only == () for run in whole.needed())
    gone = audio / next(c.id for c in listed if c.part == "10")
    gone.unlink()
    outlines.forget()
    assert folds.whole_folds(NAME, home.data) == ()
    gone.touch()


def test_the_folds_stand_in_the_record_and_old_records_keep_their_bytes(home):
    request = Request(on=NAME, subset=True, audio="local")
    run = plan_table(catalogue.load(TABLE), request, home).runs[0]
    assert run.clips.as_dict()["only"] == ["1", "2", "10"]
    assert "only" not in clips.ClipSource(NAME, "local", "official").as_dict()


@pytest.mark.parametrize("kind", ["official", "random"])
def test_folds_named_without_audio_ask_for_the_same_runs(home, tmp_path, kind):
    """So that whoever has no audio sees what was run on part of it."""
    asked = {"on": NAME, "audio": "local", "seeds": (0, 1), "protocol": kind}
    entry = catalogue.load(TABLE)
    here = plan_table(entry, Request(subset=True, **asked), home)
    nowhere = Home(*(tmp_path / "none" / part for part in ("runs", "data", "cache")))
    named = ask(folds=("10", "1", "2"), **asked)
    there = plan_table(entry, named, nowhere)
    assert [run.id for run in there.runs] == [run.id for run in here.runs]
    assert all(run.missing for run in there.runs)
    assert FOLDS in marks.marks(there, ())
    assert named.words()[-4:] == ["--folds", "10,1,2", "--seeds", "0,1"]
    assert any(request.folds == ("1", "2", "10") for request in requests(here.runs[0]))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("1", "2", "77"), "has no fold '77'"),
        (("1", "2", "2"), "fold 2 is named twice"),
        (("10",), "take 3"),
    ],
)
def test_folds_that_cannot_be_taken_are_refused(home, names, said):
    """What is suggested in place of them can be taken: fold 3 is not whole."""
    request = ask(on=NAME, audio="local", folds=names)
    with pytest.raises(UserError, match=said) as caught:
        plan_table(catalogue.load(TABLE), request, home)
    assert caught.value.next_step == "--folds 1,2,10, or leave it out"


@pytest.mark.parametrize("kind", ["official", "random"])
def test_folds_that_are_not_whole_here_ask_for_the_same_runs_and_cannot_be_trained(
    home, tmp_path, kind
):
    """Eight clips of one fold hid every record of three: the command ended in an error."""
    entry = catalogue.load(TABLE)
    asked = ask(on=NAME, audio="local", seeds=(0,), protocol=kind, folds=("1", "2", "3"))
    nowhere = Home(*(tmp_path / "none" / part for part in ("runs", "data", "cache")))
    partly, without = plan_table(entry, asked, home), plan_table(entry, asked, nowhere)
    assert [run.id for run in partly.runs] == [run.id for run in without.runs]
    assert {gap for run in partly.runs for gap in run.missing} == {
        Missing("data", "folds 1, 2, 3 of urbansound8k are not whole: 2,223 of 2,686 clips here; "
                "--subset takes 1, 2, 10, which are", f"repro data add {NAME} DIR")
    }  # fmt: skip


@pytest.fixture
def eight(tmp_path, listed):
    """A home with eight clips of fold 1, which can be heard."""
    found = Home(*(tmp_path / "few" / part for part in ("runs", "data", "cache")))
    noise = np.random.default_rng(0).integers(-900, 900, 800).astype(np.int16)
    for clip in [clip for clip in listed if clip.part == "1"][:8]:
        file = tmp_path / "eight" / clip.id
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, noise, 8000)
    sources.add(NAME, tmp_path / "eight", found.data)
    outlines.forget()
    yield found
    outlines.forget()


@pytest.mark.parametrize("words", [["table", "--render-only"], ["compare"]])
def test_records_of_folds_of_which_a_part_is_here_are_shown_as_without_audio(eight, words):
    """They are not of this audio: the sentence says so, and how much of it is here."""
    command, *more = words
    asked = [command, TABLE, "--on", NAME, "--folds", "1,2,10", *more, "--home", str(eight.root)]

    def said(data):
        done = CliRunner().invoke(main, asked, env={"REPRO_DATA": str(data)})
        return f"{done.output}{done.exit_code}"

    partly, without = said(eight.data), said(eight.root / "nothing")
    part = "folds 1, 2, 10 of urbansound8k are not whole: 8 of 2,598 clips here"
    whole = "urbansound8k is not whole here (8 of 2,598 clips); its "
    assert re.search(rf"Audio not compared: {re.escape(whole)}\d+ records state one audio", partly)
    told = partly.replace(whole, "urbansound8k is not here; its ")
    assert told.replace(part, "needs urbansound8k") == without


def test_a_record_of_folds_of_which_a_part_is_here_is_not_trained_again(eight):
    of = next(r for r in Ledger.of(eight).all() if isinstance(r, Training) and r.clips.get("only"))
    asked = ["verify", of.run, "--home", str(eight.root)]
    done = CliRunner().invoke(main, asked, env={"REPRO_DATA": str(eight.data)})
    assert done.exit_code != 0
    assert f"run {of.run} needs folds 1, 2, 10 of urbansound8k; here are 8 of 2,598" in done.output
    assert f"repro data verify {NAME}" in done.output


def test_clips_that_went_after_the_plan_are_named_and_nothing_is_written(eight, listed):
    source = clips.ClipSource(
        NAME, "local", "official", folds=3, subset=True, only=("1", "2", "10")
    )
    chosen = clips.select(source, eight.data)
    wanted = [clip for part in chosen.split.parts().values() for clip in part]
    with pytest.raises(UserError, match="2,590 of 2,598 clips of urbansound8k are not here") as why:
        audio_store.prepare(source, wanted, chosen.classes, 8000, eight)
    assert why.value.next_step == f"repro data verify {NAME}"
    assert not (eight.cache / "audio").exists()


def test_of_a_part_of_the_folds_nothing_is_decoded(eight, monkeypatch):
    monkeypatch.setattr(table, "decode", lambda file, rate: pytest.fail(f"decoded {file}"))
    source = clips.ClipSource(
        NAME, "local", "official", folds=3, subset=True, only=("1", "2", "10")
    )
    assert here.heard(source, 8000, eight) is None


@pytest.mark.parametrize("asked", [{"subset": True}, {"folds": ("1", "2", "10")}])
def test_what_is_covered_are_the_clips_that_are_asked_for(home, asked):
    """Half of fold 3 is at hand as well; the verdict counted it, beside a title that did not."""
    plan = plan_table(catalogue.load(TABLE), ask(on=NAME, audio="local", **asked), home)
    assert len(sources.scanned(NAME, home.data).found) == 2598 + 462
    assert (plan.outlines[NAME].present, plan.outlines[NAME].total) == (2598, 8732)
    said = grid.build(plan, Ledger.of(home), "", home.data).judgement.table.coverage
    assert said.endswith(", 2,598 of 8,732 clips of urbansound8k")


@pytest.mark.parametrize("form", ["text", "latex"])
def test_a_verdict_that_is_none_is_called_a_verdict(home, form):
    words = [TABLE, "--on", NAME, "--folds", "1,2,10", "--render-only", "--format", form]
    done = CliRunner().invoke(main, ["table", *words, "--home", str(home.root)],
                              env={"REPRO_DATA": str(home.data)})  # fmt: skip
    assert "Verdict: " in done.stdout


def test_data_without_folds_has_none_to_name(home):
    with pytest.raises(UserError, match="no official folds"):
        plan_table(catalogue.load("m3net-speechcommands"), ask(folds=("1", "2", "3")), home)
