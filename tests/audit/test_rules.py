"""What every rule of the audit has, from the day that its file lies in the folder."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

from repro.audit import registry
from repro.audit import report as audit
from repro.audit.findings import Checks, Paper
from repro.audit.rates import measured
from repro.render import audit_form
from tests.audit.papers import entry

RULES = registry.rules()
STEMS = sorted(path.stem for path in registry.FOLDER.glob("[!_]*.py"))
DOCS = Path(__file__).resolve().parents[2] / "docs" / "audit.md"


def module(stem: str):
    return importlib.import_module(f"repro.audit.rules.{stem}")


def audited(case, what: str) -> audit.Report:
    """Audit a case of a rule: its tables, and what is known beside them."""
    tables = [entry(data, str(i)) for i, data in enumerate(getattr(case, what), 1)]
    beside = getattr(case, f"{what}_BESIDE", {})
    return audit.audit(tables, beside.get("counts"), deposits=beside.get("deposits", ()))


def test_a_rule_is_found_because_its_file_lies_in_the_folder(tmp_path, monkeypatch):
    assert len(RULES) == len(STEMS)
    assert {module(stem).RULE for stem in STEMS} == set(RULES)
    rules = (Path(registry.__file__).parent / "rules").glob("*.py")
    (tmp_path / "_aside.py").write_text("")
    for path in rules:
        (tmp_path / path.name).write_text("")
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    registry.rules.cache_clear()
    try:
        assert len(registry.rules()) == len(STEMS)
    finally:
        registry.rules.cache_clear()


@pytest.mark.parametrize("stem", STEMS)
def test_a_rule_says_what_it_asks_and_what_it_does_not_show(stem):
    rule = RULES[module(stem).RULE]
    assert rule.asks.endswith("?")
    assert rule.shows_not
    assert not rule.shows_not.endswith(".")
    assert rule.domain in audit_form.DOMAINS
    assert list(inspect.signature(rule.find).parameters) == ["paper", "checks"]
    assert f"**{rule.name}**" in DOCS.read_text(encoding="utf-8"), "docs/audit.md names every rule"


@pytest.mark.parametrize("stem", STEMS)
def test_a_rule_has_nothing_to_say_of_an_empty_paper(stem):
    bare = entry({"column": [{"id": "a", "label": "a"}], "row": []})
    checks = Checks()
    assert RULES[module(stem).RULE].find(Paper("made", "Made up", (bare,)), checks) == []


@pytest.mark.parametrize("stem", STEMS)
def test_a_rule_finds_its_hand_worked_case_and_leaves_the_other_alone(stem):
    rule, case = module(stem).RULE, importlib.import_module(f"tests.audit.cases.{stem}")
    assert case.__doc__, "the case says by hand why it is one"
    found = audited(case, "FOUND")
    mine = [finding for finding in found.findings if finding.rule == rule]
    assert len(mine) == 1, [f.title for f in found.findings]
    (finding,) = mine
    assert finding.sentence.endswith(".")
    assert finding.computation
    assert finding.cells
    assert set(finding.tables) <= set(found.tables)
    assert not re.search(r"\bnot\b[^.]*\bunder none\b|\bno\b[^.;:]*\bunless\b", finding.sentence)
    left = audited(case, "LEFT")
    assert [f.title for f in left.findings if f.rule == rule] == []
    for report in (found, left):
        assert report.checks.made[rule] > 0, "a rule counts what it checks, also what it clears"


def test_the_tables_of_the_page_are_the_measured_rates():
    """Every number of rates.json that the page shows, worked out here once more."""
    rates, lines = measured(), DOCS.read_text(encoding="utf-8").splitlines()
    begin, end = (lines.index(f"<!-- measured: {mark} -->") for mark in ("begin", "end"))
    shown = {}
    for line in lines[begin:end]:
        if line.startswith("| ") and not line.startswith("| |"):
            name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            shown[name] = cells
    expected = {
        "papers with a contradiction": [f"{rates.alarmed[h]}" for h in rates.habits],
        "notes a paper": [
            f"{sum(rates.notes[h].values()) / rates.papers:.1f}" for h in rates.habits
        ],
        "altered": list(rates.habits),
    }
    for rule in {rule for h in rates.habits for rule in rates.notes[h]}:
        shares = [rates.notes[h].get(rule, 0) / rates.papers for h in rates.habits]
        expected[f"of these, {rule}"] = [f"{share:.2f}" for share in shares]
    for how in rates.found["rounded"]:
        expected[how] = [f"{rates.found[h][how]:.2f}" for h in rates.habits]
    assert shown == expected
    assert f"On {rates.papers} honest papers of each habit:" in lines
    assert f"Share of {rates.papers} altered papers in which a contradiction is found:" in lines


def test_measured_rates_are_of_the_rules_that_are_there():
    rates = measured()
    for by_habit in (rates.contradictions, rates.notes):
        assert set(by_habit) == set(rates.habits)
        for by_rule in by_habit.values():
            assert set(by_rule) <= set(rates.asked) <= set(RULES)
