"""An audit in the domains of INSPECT-SR: every rule once, and a word for each domain."""

import re

import pytest

from repro.audit import report as audit
from repro.audit.findings import Finding
from repro.audit.registry import rules
from repro.render import audit_form
from tests.audit.papers import entry
from tests.audit.tables import ACCURACY, said, stated, table


def finding(sides: str, *survives: str) -> Finding:
    return Finding("r", sides, "p", ("t",), (), "title", "", ("c",), survives, "S.")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ([], "no concerns"),
        ([finding("value and size")], "serious concerns"),
        ([finding("two numbers")], "some concerns"),
        ([finding("unlike tests")], "some concerns"),
        ([finding("two numbers"), finding("value and size")], "serious concerns"),
        # A reading rescues it, or it is a note: honest papers have those.
        ([finding("value and size", "as cut off")], "no concerns"),
        ([finding("two numbers", "as cut off")], "no concerns"),
        ([finding("chance"), finding("ours"), finding("one number")], "no concerns"),
    ],
)
def test_a_domain_is_judged_by_its_strongest_finding(found, word):
    asked = [next(iter(rules().values()))]
    assert audit_form.judgement(asked, found) == word
    assert audit_form.judgement([], found) == "not assessed"


# 75.4 of 144 decisions: 108 are 75.0 and 109 are 75.69. "A is better than B": it is not.
IMPOSSIBLE = table({"A": ["75.4"], "B": ["76.39"]}, ACCURACY, scored=stated(144))
WRONG_ORDER = table(
    {"A": ["75.00"], "B": ["76.39"]},
    ACCURACY,
    scored=stated(144),
    arithmetic=[said("greater", ["A/acc"], ["B/acc"])],
)
HONEST = table({"A": ["75.00"], "B": ["76.39"]}, ACCURACY, scored=stated(144))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (IMPOSSIBLE, ["not assessed", "no concerns", "no concerns", "serious concerns"]),
        (WRONG_ORDER, ["not assessed", "no concerns", "some concerns", "no concerns"]),
        (HONEST, ["not assessed", "no concerns", "no concerns", "no concerns"]),
    ],
)
def test_the_form_has_four_domains_and_every_rule_once(data, words):
    text = audit_form.as_markdown(audit.audit([entry(data)]))
    headings = re.findall(r"^### Domain (\d): .*: (.*)$", text, re.MULTILINE)
    assert headings == [(str(i), word) for i, word in enumerate(words, 1)]
    asked = [line[2:].partition("? ")[0] + "?" for line in text.splitlines() if line[:2] == "- "]
    assert sorted(asked) == sorted(
        rule.asks[0].upper() + rule.asks[1:] for rule in rules().values()
    )
    assert "misconduct" in text


def test_a_finding_stands_below_its_question_and_what_was_not_asked_is_said():
    text = audit_form.as_markdown(audit.audit([entry(IMPOSSIBLE)]))
    lines = text.splitlines()
    (at,) = [i for i, line in enumerate(lines) if "share of the decisions that the paper" in line]
    assert lines[at].endswith("? 1 finding.")
    assert lines[at + 1].startswith("  - *impossible*: Made up, Table 1: 75.4")
    (at,) = [i for i, line in enumerate(lines) if "Which numbers of pairs give" in line]
    assert lines[at].endswith("? No such numbers here.")


def test_two_papers_are_judged_apart():
    """One is not blamed for the other's numbers."""
    other = entry(HONEST, "2")
    one = entry(IMPOSSIBLE, "1")
    apart = type(other)("else-2", "else", other.path, other.table, other.paper, other.recipes)
    text = audit_form.as_markdown(audit.audit([one, apart]))
    found = re.findall(r"^### Domain 4: .*: (.*)$", text, re.MULTILINE)
    assert found == ["serious concerns", "no concerns"]
