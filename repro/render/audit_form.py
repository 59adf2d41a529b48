"""Write an audit in the domains and words of INSPECT-SR, the form that reviewers know.

Wilkinson et al. 2025, INSPECT-SR: a tool for assessing trustworthiness of randomised controlled
trials (medRxiv 2025.09.03.25334905). It was made for trials; its four domains and three judgements
are used here, not its 21 checks.
"""

from repro.audit.findings import Finding, capital, plural
from repro.audit.registry import Rule, rules
from repro.audit.report import Report
from repro.render import audit_words as words

DOMAINS = {
    1: "Inspecting post-publication notices",
    2: "Inspecting conduct, governance and transparency",
    3: "Inspecting text and figures",
    4: "Inspecting results in the study",
}
SERIOUS, SOME, NO, OPEN = "serious concerns", "some concerns", "no concerns", "not assessed"
BECAUSE = (
    f"How the words are given here: {SERIOUS} where a value is impossible on what the paper "
    f"states; {SOME} where two printed numbers are inconsistent, or values side by side are not "
    f"results of one test; {NO} else. Notes alone are no concern: honest papers have them. Domain "
    "1 is yours to look up (retractions, corrections). The judgement of a paper is the reviewer's, "
    "not this program's."
)


def as_markdown(report: Report) -> str:
    """Return the checks of each paper in four domains, with a judgement for each."""
    lines = [f"# INSPECT-SR domains, from printed numbers: {words.scope(report)}", ""]
    for paragraph in (*words.statement(report), BECAUSE):
        lines += [paragraph, ""]
    for paper, short in report.papers.items():
        mine = [finding for finding in report.findings if finding.paper == paper]
        lines += [f"## {short}", ""]
        for number, domain in DOMAINS.items():
            asked = [rule for rule in rules().values() if rule.domain == number]
            lines += _domain(number, domain, asked, mine, report)
    return "\n".join(lines)


def _domain(
    number: int, title: str, asked: list[Rule], mine: list[Finding], report: Report
) -> list[str]:
    found = {rule.name: [f for f in mine if f.rule == rule.name] for rule in asked}
    inside = [finding for findings in found.values() for finding in findings]
    lines = [f"### Domain {number}: {title}: {judgement(asked, inside)}", ""]
    for rule in asked:
        findings = found[rule.name]
        none = "nothing found" if report.checks.made[rule.name] else "no such numbers here"
        said = plural(len(findings), "finding") if findings else none
        lines.append(f"- {capital(rule.asks)} {capital(said)}.")
        lines += [f"  - {words.line(finding, report)}" for finding in findings]
    return [*lines, ""] if asked else lines


def judgement(asked: list[Rule], found: list[Finding]) -> str:
    """Return the word for a domain by its strongest finding."""
    if not asked:
        return OPEN
    severities = {finding.severity for finding in found}
    if "impossible" in severities:
        return SERIOUS
    return SOME if severities & {"inconsistent", "not comparable"} else NO
