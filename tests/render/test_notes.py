"""What stands under a table about its data: how it is split, and where the audio comes from."""

import json
from pathlib import Path

import pytest

from repro import identity
from repro.data import clips, sources
from repro.data.clips import ClipSource
from repro.errors import UserError
from repro.plan.request import Request
from repro.plan.wanted import plan_asked
from repro.render import markdown, notes, paragraph, records
from repro.spec import catalogue
from repro.spec.readings import as_text
from tests import fake_ledger
from tests.render.made import filled, made, near

DIGEST = "ab" * 32
ARCHIVE = {"source": "archive", "name": "x.zip", "sha256": DIGEST, "verified": True}
HUB = {"source": "hub", "name": "a/b", "revision": "c0ffee", "sha256": DIGEST, "verified": False}
FOLDER = {"source": "folder", "added": "2026-02-03"}


@pytest.fixture
def table(tmp_path):
    """Fill a table from records that say where their audio comes from; give its Markdown."""

    def table(origins, name="eat-ablation-mixing"):
        plan = fake_ledger.planned(tmp_path, name)
        fake_ledger.fill(tmp_path / "runs", plan, near(80.0))
        for number, file in enumerate(sorted((tmp_path / "runs").glob("*/*/run.json"))):
            record = json.loads(file.read_text())
            origin = origins[number % len(origins)]
            if origin is not None:
                record["data"] = origin
            fake_ledger.sealed(file.parent, record)
        return filled(tmp_path, plan)

    return table


def test_the_split_is_stated_with_its_validation(table):
    grid = table([None])
    stated = "5 official folds, each the test set once; no validation set"
    assert f"Split of esc50: {stated}." in grid.notes
    assert f"protocol official ({stated})" in " ".join(paragraph.sentences(grid))
    assert "Audio of" not in markdown.render(grid, "both"), "an older record says nothing of it"


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (ARCHIVE, "x.zip, SHA-256 abababababab, as published."),
        (HUB, "a/b at revision c0ffee, SHA-256 abababababab, UNVERIFIED, trusted on first use."),
        (FOLDER, "a folder of the user's, added 2026-02-03; not checked against its source."),
    ],
)
def test_where_the_audio_comes_from_stands_under_the_table(table, origin, words):
    text = markdown.render(table([{"esc50": origin}]), "both")
    assert text.count(f"Audio of esc50: {words}") == 1


def test_two_origins_in_one_table_are_both_named(table):
    told = [line for line in table([{"esc50": ARCHIVE}, {"esc50": HUB}, {}]).notes
            if line.startswith("Audio of")]  # fmt: skip
    assert len(told) == 2


def test_what_a_registration_says_is_what_a_note_reads(tmp_path):
    folder = tmp_path / "esc50"
    (folder / "audio").mkdir(parents=True)
    (folder / "audio" / "1-100032-A-0.wav").touch()
    data = tmp_path / "data"
    local = ClipSource("esc50", "local", "official", folds=5)
    assert clips.provenance(local, data) == {"esc50": {}}
    sources.add("esc50", folder, data)
    origin = clips.provenance(local, data)["esc50"]
    assert notes._origin(origin).startswith("a folder of the user's, added 20")
    sources.add("esc50", folder, data, HUB)
    assert clips.provenance(local, data) == {"esc50": {**HUB, "evidence": "length of each clip"}}
    there = sources.located("esc50", data)
    assert there is not None
    assert clips.provenance(ClipSource("esc50", "generated", "official", folds=5), data) == {}


def test_what_demo_or_another_dataset_overrides_is_said_to_be_out_of_force(tmp_path: Path) -> None:
    demo = made(tmp_path, "asmrh-speechcommands", profile="demo", audio="generated")
    by_key = {a.key: a for a in demo.assumed}
    assert by_key["frames"].mark == "(not in force: the demo has 128)"
    assert by_key["hfft-axis"].mark == ""
    on = made(tmp_path, "m3net-urbansound8k", on="esc10", protocol="grouped")
    split = next(a for a in on.assumed if a.key == "split")
    assert split.overridden == "--on esc10 is split grouped"
    text = " ".join(paragraph.sentences(on))
    assert "protocol grouped" in text
    assert "split = random" not in text
    assert "Not in force here: split (--on esc10 is split grouped)" in text
    full = made(tmp_path, "asmrh-speechcommands", assume={"hfft-axis": "time"})
    assert {a.mark for a in full.assumed} == {"", "(chosen)"}


OVERRIDDEN = {"device": "cuda", "cudnn": 91002, "driver": "580.95.05", "cublas_workspace": ":0:0",
              "tf32_allowed": False, "tf32_override": {"NVIDIA_TF32_OVERRIDE": "1"},
              "tier": "statistical"}  # fmt: skip


@pytest.mark.parametrize(
    ("observed", "execution", "said"),
    [
        ({"num_ooms": 1, "num_alloc_retries": 0, "peak_reserved": 5}, {}, "ran short of memory"),
        ({"num_ooms": 0, "num_alloc_retries": 2, "peak_reserved": 5}, {}, "ran short of memory"),
        ({"num_ooms": 0, "num_alloc_retries": 0, "peak_reserved": 5}, {}, ""),
        ({}, OVERRIDDEN, "settings from outside override ours"),
    ],
)
def test_a_table_whose_bits_are_not_promised_says_so(tmp_path, observed, execution, said):
    plan = fake_ledger.planned(tmp_path, "asmrh-speechcommands")
    fake_ledger.fill(tmp_path / "runs", plan, near(90.0))
    for file in sorted((tmp_path / "runs").glob("*/*/run.json"))[-1:]:
        record = json.loads(file.read_text())
        record |= {"observed": observed, "execution": {**record["execution"], **execution}}
        place = file.parent.rename(
            file.parent.with_name(identity.execution_id(record["execution"]))
        )
        fake_ledger.sealed(place, record)
    grid = filled(tmp_path, plan)
    tier = "statistical" if said else "exact"
    text = markdown.render(grid, "both")
    told = [line for line in text.splitlines() if "Execution " in line and f"tier {tier}" in line]
    assert told
    assert said in text
    assert f"tier {tier}" in " ".join(paragraph.sentences(grid))
    assert tier in records.as_data(grid, "both", "full")["tiers"].values()
    assert ("tier statistical" in text) == bool(said)


def test_a_reading_that_changes_no_run_is_refused(tmp_path: Path) -> None:
    home = fake_ledger.home(tmp_path)
    on = Request(on="esc10", assume={"split": "official"})
    with pytest.raises(UserError, match=r"--assume split=official changes no run .*--on esc10"):
        plan_asked(catalogue.load("m3net-urbansound8k"), on, home)
    plan_asked(catalogue.load("asmrh-speechcommands"), Request(assume={"hfft-axis": "time"}), home)


@pytest.mark.parametrize(
    ("table", "key", "value", "own", "default"),
    [
        ("m3net-urbansound8k", "batch", "32", "32: between the two. ", "Default 16: Not stated."),
        ("asmrh-speechcommands", "hfft-axis", "time", "time: ", "Default feature: "),
        ("m3net-urbansound8k", "betas", "0.95,0.999", "0.95,0.999: AST's. ", "Default 0.9,0.999: "),
        ("gafx-augmentation", "pretrained", "gafx-r@audioset", "gafx-r@audioset: ",
         "Default gafx-r: Not stated. None:"),
    ],
)  # fmt: skip
def test_a_chosen_alternative_has_its_own_reason_and_then_the_default_with_its(
    tmp_path, table, key, value, own, default
):
    grid = made(tmp_path, table, assume={key: value})
    (one,) = (a for a in grid.assumed if a.key == key)
    told, assumption = one.reading.told(), one.reading.assumption
    (why,) = (a.why for a in assumption.alternatives if as_text(a.value) == value)
    assert (one.mark, one.value) == ("(chosen)", value)
    assert told.startswith(f"{assumption.title}. {own}")
    assert told.index(why) < told.index(default) < told.index(assumption.why)
    assert value not in told.partition("Alternatives:")[2]
    plain = made(tmp_path, table)
    (one,) = (a for a in plain.assumed if a.key == key)
    assert one.mark == ""
    assert one.reading.told().startswith(f"{assumption.title}. {assumption.why} Alternatives: ")
