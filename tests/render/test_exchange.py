"""Cells in the formats of others: what each says, read by the format's own tools."""

import dataclasses
import importlib.util
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from repro.errors import UserError
from repro.render.exchange import every_eval_ever, huggingface, results
from tests import fake_ledger
from tests.render.made import filled, made, near

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TABLE = "m3net-urbansound8k"
TRIMMED = {"source": "folder", "added": "2026-01-01", "derived": {
    "by": "repro data trim", "clips": 8732, "cut": 1400, "rates": [22050]}}  # fmt: skip
FOLDS = {"on": "urbansound8k", "subset": True, "folds": ("1", "2", "10")}


def heard(folder: Path, origin):
    """Return results on UrbanSound8K, whose audio comes from there as every record says."""
    plan = fake_ledger.planned(folder, TABLE)
    fake_ledger.fill(folder / "runs", plan, near(60), data={"urbansound8k": origin})
    return results.results([filled(folder, plan)])


def logs(found) -> list[dict]:
    """Return the results of logs, each with its data and its score."""
    files = every_eval_ever.files(found, NOW).values()
    return [one for text in files for one in json.loads(text)["evaluation_results"]]


def test_the_hub_reads_printed_and_ours(tmp_path: Path) -> None:
    grid = made(tmp_path, "eat-esc50", lambda run: near(91)(run) if run.system == "eat-s" else None)
    text, left = huggingface.render(results.results([grid]))
    assert left == []
    entries = parse_eval_result_entries(yaml.safe_load(text))
    assert len(entries) == len(yaml.safe_load(text))
    assert {entry.dataset_id for entry in entries} == {"ashraq/esc50"}
    mine = [e for e in entries if e.task_id == "eat-esc50/EAT-S/accuracy"]
    printed, ours = sorted(mine, key=lambda entry: entry.value, reverse=True)
    assert (printed.value, printed.date) == (92.15, None)
    assert printed.source_url == "https://arxiv.org/abs/2204.11479"
    # Seeds 91.0, 91.3 and 90.9 and folds 0 to .4 on top: 91.0667 + .2.
    assert ours.value == pytest.approx(91.2667, abs=1e-4)
    assert ours.source_url is None
    assert "verdict: " in ours.notes
    assert "printed" not in printed.notes.partition(";")[0]
    assert f"{grid.command}" in ours.notes


def test_what_the_hub_has_not_is_left_out_and_said(tmp_path: Path) -> None:
    found = results.results([made(tmp_path, "asmrh-casia"), made(tmp_path, "eat-esc50")])
    why = "asm, asm-i, asm-rh: the hub has no copy of casia that this suite knows"
    assert huggingface.render(found)[1] == [why]
    with pytest.raises(UserError, match="no copy of casia"):
        huggingface.render([one for one in found if one.dataset == "casia"])


@pytest.mark.parametrize("request_", [{"profile": "demo", "audio": "generated"}])
def test_a_demo_is_nothing_to_exchange(tmp_path: Path, request_) -> None:
    grid = made(tmp_path, "asmrh-speechcommands", near(40), **request_)
    with pytest.raises(UserError, match="demo"):
        results.results([grid])


def test_on_other_data_nothing_printed_goes_out(tmp_path: Path) -> None:
    found = results.results([made(tmp_path, "m3net-urbansound8k", near(60), on="esc10")])
    assert [one.ours for one in found] == [True]
    assert found[0].dataset == "esc10"
    assert "printed" not in {key for key, text in found[0].evidence.items() if text}


def test_a_part_of_what_the_hub_has_is_none_of_its_datasets(tmp_path: Path) -> None:
    """ESC-10 is 400 of the 2,000 clips of ESC-50."""
    found = results.results([made(tmp_path, TABLE, near(60), on="esc10")])
    with pytest.raises(UserError, match="m3net: esc10 is a part of ashraq/esc50") as error:
        huggingface.render(found)
    assert "every-eval-ever" in error.value.next_step
    [log] = logs(found)
    assert log["evaluation_name"] == "esc10 (test) [ON esc10]"
    assert log["evaluation_result_id"] == f"{TABLE}@esc10/M3Net/accuracy/ours"
    assert log["source_data"]["source_type"] == "other"
    assert log["source_data"]["dataset_name"] == "esc10"
    assert "hf_repo" not in log["source_data"]


def test_some_folds_are_no_result_on_the_dataset(tmp_path: Path) -> None:
    found = results.results([made(tmp_path, TABLE, near(60), **FOLDS)])
    part = "part of urbansound8k: 3 of 10 official folds (1, 2, 10), 2,598 of 8,732 clips"
    with pytest.raises(UserError, match=f"ours is of {re.escape(part)}$"):
        huggingface.render(found)
    [log] = logs(found)
    assert part.removeprefix("part") in log["evaluation_name"]
    assert log["source_data"]["additional_details"]["part"] == part
    assert "hf_repo" not in log["source_data"]
    assert log["metric_config"]["evaluation_description"].endswith(f"10 folds), of {part}")


def test_beside_the_print_a_part_of_ours_is_left_out(tmp_path: Path) -> None:
    asked = {**FOLDS, "on": None, "assume": {"split": "official"}}
    found = results.results([made(tmp_path, TABLE, near(60), **asked)])
    text, [left] = huggingface.render(found)
    assert [entry["value"] for entry in yaml.safe_load(text)] == [97.44]
    assert left.startswith("m3net: ours is of part of urbansound8k: 3 of 10 official folds")
    assert len({log["evaluation_result_id"] for log in logs(found)}) == 2


def test_a_copy_is_no_audio_of_the_hub(tmp_path: Path) -> None:
    found = heard(tmp_path, TRIMMED)
    text, left = huggingface.render(found)
    assert [entry["value"] for entry in yaml.safe_load(text)] == [97.44]
    assert left == ["m3net: ours is of a copy of urbansound8k, not the archive's audio"]
    printed, ours = sorted(logs(found), key=lambda log: log["score_details"]["score"])[::-1]
    assert "hf_repo" not in {**printed["source_data"], **ours["source_data"]}
    assert "1,400 looped clips" in ours["source_data"]["additional_details"]["audio"]
    assert "audio" not in printed["source_data"]["additional_details"]
    assert "of a copy of urbansound8k" in ours["metric_config"]["evaluation_description"]


def test_a_mean_of_some_runs_waits_for_the_others(tmp_path: Path) -> None:
    grid = made(tmp_path, TABLE, lambda run: None if run.seed == 4 else 60.0)
    found = results.results([grid])
    text, [left] = huggingface.render(found)
    assert [entry["value"] for entry in yaml.safe_load(text)] == [97.44]
    assert left == "m3net: ours is of 4 of 5 runs"


@pytest.mark.parametrize("fetched", [True, False])
def test_a_revision_is_that_which_was_heard(tmp_path: Path, fetched: bool) -> None:
    hub = {"source": "hub", "name": "danavery/urbansound8K", "revision": "4" * 40,
           "sha256": "5" * 64, "verified": True}  # fmt: skip
    found = heard(tmp_path, hub if fetched else {"source": "folder", "added": "2026-01-01"})
    text, left = huggingface.render(found)
    assert left == []
    told = {entry["value"]: entry["dataset"].get("revision") for entry in yaml.safe_load(text)}
    assert told.pop(97.44) is None  # no paper says what it heard
    assert list(told.values()) == ["4" * 40 if fetched else None]
    sources = {log["score_details"]["score"]: log["source_data"] for log in logs(found)}
    assert sources.pop(97.44)["source_type"] == "other"
    [ours] = sources.values()
    assert ours["source_type"] == ("hf_dataset" if fetched else "other")
    assert ours.get("hf_repo") == ("danavery/urbansound8K" if fetched else None)
    assert (f"at revision {'4' * 40}" in ours["additional_details"]["audio"]) == fetched


def test_ours_has_a_standard_error_where_nothing_is_judged(tmp_path: Path) -> None:
    """Passes lie .04 + (-.04, .26, -.14, .16, -.24) apart: s = .2074, over the root of five."""
    found = results.results([made(tmp_path, TABLE, near(60), on="esc10")])
    [log] = logs(found)
    assert log["score_details"]["uncertainty"] == {
        "num_samples": 5,
        "standard_error": {
            "value": pytest.approx(0.2074 / 5**0.5, abs=1e-4), "method": "over passes over folds",
        },
    }  # fmt: skip
    assert log["score_details"]["details"]["units"] == "5"


def test_one_pass_has_no_standard_error(tmp_path: Path) -> None:
    asked = {"on": "esc10", "seeds": (0,)}
    [log] = logs(results.results([made(tmp_path, TABLE, near(60), **asked)]))
    assert "uncertainty" not in log["score_details"]
    assert log["score_details"]["details"]["units"] == "1"


def test_logs_of_two_fills_of_a_table_lie_apart(tmp_path: Path) -> None:
    grid = made(tmp_path, TABLE, near(60))
    other = dataclasses.replace(grid, command="repro table --folds 1,2,10")
    one, two = (every_eval_ever.files(results.results([g]), NOW) for g in (grid, other))
    assert len(one.keys() & two.keys()) == 1  # the printed numbers
    assert len(one.keys() | two.keys()) == 3
    ids = [json.loads(text)["evaluation_id"] for text in one.values()]
    assert len(set(ids)) == 2


def test_logs_tell_printed_numbers_from_ours(tmp_path: Path) -> None:
    grid = made(tmp_path, "asmrh-speechcommands", near(96.0))
    files = every_eval_ever.files(results.results([grid]), NOW)
    assert len(files) == 6  # three systems, printed and ours
    for path, text in files.items():
        assert re.fullmatch(r"data/asmrh-speechcommands/asmrh/asm[-a-z]*/[-0-9a-f]{36}\.json", path)
        log = json.loads(text)
        kind = log["source_metadata"]["source_type"]
        scores = [one["score_details"] for one in log["evaluation_results"]]
        assert len(scores) == 4
        ours = kind == "evaluation_run"
        assert all(("uncertainty" in one) == ours for one in scores)
        assert all(("printed" in one["details"]) for one in scores)
        assert ("verdict" in scores[0]["details"]) == ours
    again = every_eval_ever.files(results.results([grid]), NOW)
    assert again == files


def test_logs_are_valid_by_the_schema_itself(tmp_path: Path) -> None:
    """The schema lies in the format's own package, which wants Python 3.12."""
    package = importlib.util.find_spec("every_eval_ever")
    if package is None or package.origin is None:
        pytest.skip("every-eval-ever is not installed")
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = json.loads((Path(package.origin).parent / "schemas/eval.schema.json").read_text())
    grids = [made(tmp_path, "asmrh-speechcommands", near(96.0)), made(tmp_path, "asmrh-casia"),
             made(tmp_path, TABLE, near(60), **FOLDS)]  # fmt: skip
    for text in every_eval_ever.files(results.results(grids), NOW).values():
        jsonschema.validate(json.loads(text), schema)
    broken = json.loads(text) | {"schema_version": 3}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)
