"""Cells in the formats of others: what each says, read by the format's own tools."""

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
from tests.render.made import made, near

NOW = datetime(2026, 1, 2, tzinfo=UTC)


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
    assert huggingface.render(found)[1] == ["casia"]
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
    grids = [made(tmp_path, "asmrh-speechcommands", near(96.0)), made(tmp_path, "asmrh-casia")]
    for text in every_eval_ever.files(results.results(grids), NOW).values():
        jsonschema.validate(json.loads(text), schema)
    broken = json.loads(text) | {"schema_version": 3}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)
