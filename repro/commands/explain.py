"""Say what a word means, and why a cell has the word that it has."""

import json
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, damage, screen
from repro.errors import UserError, unknown
from repro.spec import catalogue
from repro.spec.index import paper_ids, table_paths


@click.command()
@click.argument("what", metavar="[WORD | TABLE/ROW/COLUMN | FINDING]", nargs=-1)
@asking.request_options
@asking.home_option
@asking.text_or_json
def command(what: tuple[str, ...], home: str | None, fmt: str, **asked: Any) -> None:
    """Say what a word means; or why a cell has its word, with its margin, test, n and numbers.

    Without a word, all of them in short. A finding of the audit is named as `repro audit` does.

    \b
    Examples:
      repro explain
      repro explain REPRODUCED
      repro explain margin
      repro explain asmrh-speechcommands/t-acc/ASM-RH
      repro explain asmrh-speechcommands/t-acc/ASM-RH --profile demo --format json
      repro explain asmrh/sizes-1
    """
    text = " ".join(what)
    table, slash, rest = text.partition("/")
    if slash and table in paper_ids():
        lines, data = _finding(text, home)
    elif slash:
        lines, data = _cell(table, rest, home, asked)
    else:
        lines, data = _words(text)
    if fmt == "json":
        click.echo(json.dumps(data, indent=1, ensure_ascii=False))
    else:
        screen.say(lines)


def _words(text: str) -> tuple[list[str], Any]:
    """Explain a word, or all of them."""
    from repro.render import audit_words
    from repro.render.screen import explain
    from repro.verdict import vocabulary

    if not text:
        return explain.every_word(), explain.words_data(vocabulary.known())
    if text in table_paths():
        raise UserError(
            f"{text} is a table; a cell of it is {text}/ROW/COLUMN", f"repro compare {text}"
        )
    plain = text.replace("-", " ").replace("_", " ").lower()
    marks = {term.mark: word for word, term in vocabulary.TERMS.items() if term.mark}
    known = {name.replace("-", " ").lower(): name for name in (*marks, *vocabulary.known())}
    if plain not in known and plain not in audit_words.MEANS:
        names = [*vocabulary.known(), *audit_words.MEANS]
        raise unknown("word", text, names, "repro explain")
    found, lines = [], []
    if plain in known:
        name = marks.get(known[plain], known[plain])
        found, lines = explain.words_data([name]), explain.word(name)
    if plain in audit_words.MEANS:
        meaning = audit_words.MEANS[plain]
        found.append({"word": plain, "mark": "", "meaning": meaning})
        lines += [*([""] if lines else []), f"{plain}, of a finding of the audit: {meaning}."]
    return lines, found


def _cell(
    table: str, rest: str, home: str | None, asked: dict[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """Explain a cell by its numbers."""
    from repro.audit.report import audit, counted, named
    from repro.plan.planning import command_line
    from repro.plan.wanted import plan_asked
    from repro.records.ledger import Ledger
    from repro.render import grid
    from repro.render.screen import explain
    from repro.verdict import sensitivity

    entry = catalogue.load(table)
    where = places.home(home)
    ledger = Ledger.of(where)
    plan = plan_asked(entry, asking.request(**asked), where)
    made = grid.build(plan, ledger, command_line(plan), where.data)
    names = {f"{row}/{column}": (row, column) for row, column in made.cells}
    if rest not in names:
        raise unknown(f"cell of {table}", rest, names, f"repro cells {table}")
    fared = sensitivity.survey(plan, made.judgement, where, ledger, list(ledger.all()))
    entries = catalogue.load_all(entry.paper_id)
    report = audit(entries, counted(entries, ledger))
    address = f"{table}/{rest}"
    found = [
        (name, finding)
        for name, finding in named(report.findings).items()
        if address in finding.cells
    ]
    damage.tell(ledger)
    one, how = made.cells[names[rest]], fared.get(names[rest])
    return explain.cell(made, one, how, found), explain.cell_data(made, one, how, found)


def _finding(name: str, home: str | None) -> tuple[list[str], dict[str, Any]]:
    """Explain a finding of the audit."""
    from repro.audit.report import audit, counted, named
    from repro.records.ledger import Ledger
    from repro.render import audit_words
    from repro.render.screen import explain

    entries = catalogue.load_all(name.partition("/")[0])
    counts = counted(entries, Ledger.of(places.home(home)))
    found = named(audit(entries, counts).findings)
    if name not in found:
        paper = name.partition("/")[0]
        raise unknown(f"finding on {paper}", name, found, f"repro audit {paper}")
    finding = found[name]
    meaning = audit_words.MEANS[finding.severity]
    return explain.finding(name, finding, meaning), finding.as_data()
