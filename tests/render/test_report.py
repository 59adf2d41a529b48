"""The report: one whole file that needs nothing else, in which every place can be reached."""

import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from repro import places
from repro.commands._entry import main
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.render import markdown
from repro.render.html import evidence, gather, page
from repro.render.html.gather import Part
from repro.spec import catalogue
from tests import fake_ledger, whole_records
from tests.render.made import near

TABLE = "asmrh-speechcommands"
VOID = {"meta", "input", "br", "path", "circle", "use", "link", "img", "hr"}


class Page(HTMLParser):
    """Collect what a page holds, and see that all its elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())

    def all(self, name: str) -> list[str]:
        return [value for _, found in self.attributes if (value := found.get(name)) is not None]


def gathered(folder: Path, table: str = TABLE, **request: Any) -> list[Part]:
    """Return what a report shows of a table, from the records in `folder/runs`."""
    home = fake_ledger.home(folder)
    plan = plan_table(catalogue.load(table), Request(**request), home)
    return gather.parts([plan], home, Ledger([home.runs]))


def written(parts: list[Part]) -> str:
    """Return a report."""
    return page.render(parts, "T", "repro report")


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the report of all tables with the committed records."""
    home = fake_ledger.home(tmp_path_factory.mktemp("home"))
    ledger = Ledger([places.shipped("results")])
    plans = [plan_table(entry, Request(), home) for entry in catalogue.load_all()]
    parts = gather.parts(plans, home, ledger)
    return page.render(parts, "All tables", "repro report all")


def fill(folder: Path, table: str, value: Callable[..., Any], **request: Any) -> None:
    fake_ledger.fill(folder / "runs", fake_ledger.planned(folder, table, **request), value)


def test_it_is_one_file_of_at_most_two_megabytes(committed: str) -> None:
    assert len(committed.encode()) <= 2_000_000
    found = Page(committed)
    assert found.wrong == []
    assert found.open == []
    loads = {"src", "data", "poster", "srcset"}
    assert not [name for _, attrs in found.attributes for name in attrs if name in loads]
    assert not [tag for tag, _ in found.attributes if tag in ("iframe", "img", "object")]
    assert [attrs["href"] for tag, attrs in found.attributes if tag == "link"] == ["data:,"]
    (policy,) = (attrs["content"] for _, attrs in found.attributes if "http-equiv" in attrs)
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    style = re.search(r"<style>(.*?)</style>", committed, re.DOTALL)
    assert style
    assert not re.search(r"url\(|@import", style[1])
    assert not re.search(r"fetch\(|XMLHttp|import\(", committed)
    assert "None" not in found.said
    assert not re.search(r"Undefined|\{\{|\{%", found.text)


def test_every_id_is_given_once_and_every_link_leads_somewhere(committed: str) -> None:
    found = Page(committed)
    ids = Counter(found.all("id"))
    assert [name for name, number in ids.items() if number > 1] == []
    assert not [name for name in ids if re.search(r"\s", name)]
    links = {href[1:] for href in found.all("href") if href.startswith("#")}
    assert links - ids.keys() == set()
    for name in ("popovertarget", "aria-labelledby", "for"):
        assert set(found.all(name)) - ids.keys() == set()


def test_every_printed_cell_is_there_and_opens_its_evidence(committed: str) -> None:
    ids = set(Page(committed).all("id"))
    for entry in catalogue.load_all():
        for row in entry.table.row:
            for column in entry.table.column:
                place = evidence.place(entry.id, row.id, column.id)
                assert place in ids
                assert f"ev/{place}" in ids


def test_the_script_is_short() -> None:
    assert len(page._text("script.js").splitlines()) < 250


def test_the_evidence_of_a_cell_says_printed_ours_units_test_and_command(tmp_path: Path) -> None:
    fill(tmp_path, TABLE, near(96.5))
    (part,) = gathered(tmp_path)
    assert written([part]) == written([part])
    shown = evidence.shown(part)["t-acc", "ASM-RH"]
    facts = {
        fact.what: "".join(t if isinstance(t, str) else t.text for t in fact.texts)
        for fact in shown.facts
    }
    judged = shown.cell.judged
    assert judged.interval is not None
    assert f"REPRODUCED: {shown.sentence[0].lower()}{shown.sentence[1:]}" == judged.sentence
    # Printed 96.51; ours 96.5, 96.8, 96.4: mean 96.5667, standard deviation 0.2082.
    assert shown.head == (
        ("printed", "96.51 %"),
        ("ours", "96.57 ± 0.21 %"),
        ("difference", "+0.06"),
    )
    assert facts["90 % interval"].startswith("[−")
    assert facts["Margin"] == "±0.87 points"
    assert [(unit.seed, unit.value) for unit in shown.units] == [
        (0, "96.50"), (1, "96.80"), (2, "96.40")
    ]  # fmt: skip
    runs = {run.seed: run.id for run in part.grid.plan.runs if run.system == "asm-rh"}
    for unit in shown.units:
        assert [link.place for link in unit.runs] == [f"run-{runs[unit.seed]}"]
    assert facts["Protocol"] == "official"
    assert facts["Runs"] == "3 of 3 done"
    assert facts["Command"].startswith("repro table asmrh-speechcommands")
    assert facts["Command"].endswith("--only asm-rh")


def test_folds_lead_to_their_runs_and_runs_of_no_unit_are_named(tmp_path: Path) -> None:
    table = "eat-phase"
    fill(tmp_path, table, lambda run: None if (run.seed, run.clips.fold) == (1, 2) else 80.0)
    (part,) = gathered(tmp_path, table)
    shown = next(s for s in evidence.shown(part).values() if s.units)
    folds = {(run.seed, run.clips.fold): run.id for run in part.grid.plan.runs
             if run.id in shown.cell.runs}  # fmt: skip
    assert [unit.seed for unit in shown.units] == [0, 2]
    for unit in shown.units:
        places = [link.place for link in unit.runs]
        assert places == [f"run-{folds[unit.seed, fold]}" for fold in range(5)]
    (apart,) = (fact for fact in shown.facts if fact.what == "Runs of no unit")
    named = {link.place for link in apart.texts if not isinstance(link, str)}
    assert named == {f"run-{folds[1, fold]}" for fold in (0, 1, 3, 4)}


def test_nothing_of_a_demo_is_set_against_a_print(tmp_path: Path) -> None:
    fill(tmp_path, TABLE, near(40.0), profile="demo", audio="generated")
    text = Page(written(gathered(tmp_path, profile="demo", audio="generated"))).text
    assert "DEMO" in text
    assert "Not the paper's experiment" in text
    assert "minus printed" not in text
    assert "Difference" not in text


def test_a_cell_without_runs_says_so_in_a_demo_too(tmp_path: Path) -> None:
    (part,) = gathered(tmp_path, profile="demo", audio="generated")
    shown = evidence.shown(part)["t-acc", "ASM"]
    assert (shown.word, shown.mark, shown.ours) == ("NO VERDICT", "NOT RUN", "")


def test_the_page_names_the_command_that_makes_it(tmp_path: Path) -> None:
    words = ["report", "m3net-speechcommands", "--assume", "epochs=200"]
    output = tmp_path / "folder" / "report.html"
    asked = [*words, "--home", str(tmp_path), "-o", str(output)]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    text = Page(output.read_text(encoding="utf-8")).text
    assert (
        "repro report m3net-speechcommands --profile full --data local --assume epochs=200" in text
    )
    assert "ASSUMING epochs=200" in text


def test_findings_stand_beside_the_tables_that_they_concern(committed: str) -> None:
    articles = dict(
        re.findall(r'<article aria-labelledby="([^"]+)">(.*?)</article>', committed, re.DOTALL)
    )
    counted = {
        table: len(re.findall(r'<details class="finding"', text))
        for table, text in articles.items()
    }
    ledger = Ledger([places.shipped("results")])
    found = gather._audit("asmrh", ledger).findings
    assert found
    for entry in catalogue.load_all("asmrh"):
        assert counted[entry.id] == sum(entry.id in finding.tables for finding in found)


def test_no_audit_stands_without_what_it_does_not_show(committed: str) -> None:
    for paper in re.findall(r'<section class="paper".*?</section>', committed, re.DOTALL):
        assert "It does not show misconduct" in paper
    asides = re.findall(r"<aside.*?</aside>", committed, re.DOTALL)
    assert asides
    assert all("it does not show misconduct" in aside for aside in asides)


def test_runs_on_other_data_stand_under_their_table_without_a_verdict(committed: str) -> None:
    article = re.search(
        r'<article aria-labelledby="m3net-urbansound8k">(.*?)</article>', committed, re.DOTALL
    )
    assert article
    other = article[1].partition('<section class="other"')[2]
    assert "ON esc10" in other
    assert "ON ravdess_speech" in other
    assert "urbansound8k: 3 of 10 official folds (1, 2, 10), 2,598 of 8,732 clips" in other
    assert "PhiNets M40, trained here" in other  # its rival's runs on the same folds, in that part
    assert 'id="fig/m3net-urbansound8k@urbansound8k+folds=1-2-10/ladder"' in other
    assert "ASSUMING batch=64" in other  # the committed runs are of the first recipe
    assert 'id="fig/m3net-urbansound8k@esc10+batch=64+lr=0.001/ladder"' in other
    assert "Not the paper" in other
    assert "minus printed" not in other


def test_a_table_on_other_data_prints_nothing_and_no_audit_concerns_it(tmp_path: Path) -> None:
    home = fake_ledger.home(tmp_path)
    plan = plan_table(catalogue.load("m3net-urbansound8k"), Request(on="esc10"), home)
    made = written(gather.parts([plan], home, Ledger([places.shipped("results")])))
    assert "Systems and recipes of m3net-urbansound8k (M3Net, " in made
    for said in ("Printed in", "printed cells", "An audit finding concerns"):
        assert said not in made
    cells = re.findall(r'<button type="button" class="cell.*?</button>', made, re.DOTALL)
    assert cells
    for cell in cells:
        assert ("(blank)" in cell) != ('class="ours"' in cell)


def test_records_have_a_row_each(committed: str) -> None:
    rows = re.findall(r'<tr id="run-([0-9a-f]{12})">', committed)
    ledger = Ledger([places.shipped("results")])
    trained = [r.run for r in ledger.all() if r.kind == "train"]
    assert set(trained) <= set(rows)


def test_whole_records_give_every_kind_of_figure_but_a_ladder(tmp_path: Path) -> None:
    for run in whole_records.runs():
        whole_records.write(tmp_path / "runs", run)
    text = written(gathered(tmp_path, profile="demo", audio="generated"))
    kinds = re.findall(rf'id="fig/{TABLE}/(\w+)"', text)
    assert kinds == ["forest", "folds", "components", "curves", "confusion"]
    # Nine runs of three systems: of each class in turn two of three test clips are right.
    said = Page(text).text
    systems = len({run.system for run in whole_records.runs()})
    assert said.count("balanced accuracy 66.67 %, macro F1 ") == systems
    assert said.count("the worst of 3 wrong decisions") == systems  # one clip of each seed
    assert "clip-2" in said
    assert "0.200" in said  # the score of its class


def test_a_run_that_failed_shows_its_cause_in_the_cell(tmp_path: Path) -> None:
    for run in whole_records.runs():
        if run.system == "asm-rh":
            whole_records.fail(tmp_path / "runs", run, cause="mynet.py, line 7: NameError: x")
    (part,) = gathered(tmp_path, profile="demo", audio="generated")
    cell = next(c for c in part.grid.cells.values() if c.system == "asm-rh" and c.kind == "trained")
    assert cell.state == "not run"
    assert cell.reason == "failed: 3 of 3 runs (mynet.py, line 7: NameError: x)"
    for text in (Page(written([part])).text, markdown.render(part.grid, "both")):
        assert "mynet.py, line 7: NameError: x" in text
    assert (
        next(
            c for c in part.grid.cells.values() if c.system == "asm" and c.kind == "trained"
        ).reason
        == "not trained yet"
    )


def test_a_link_to_a_table_that_is_not_in_the_file_is_text(tmp_path: Path) -> None:
    entry = next(e for e in catalogue.load_all() if 'same_as = "' in e.path.read_text())
    found = Page(written(gathered(tmp_path, entry.id)))
    links = {href[1:] for href in found.all("href") if href.startswith("#")}
    assert links <= set(found.all("id"))
    assert "Trained in" in found.text


def test_claims_stand_with_the_sentence_that_draws_them(tmp_path: Path) -> None:
    fill(tmp_path, TABLE, lambda run: near({"asm": 91.9, "asm-i": 96.6}.get(run.system, 96.5))(run))
    (part,) = gathered(tmp_path)
    words = [
        line[0] for claim in evidence.claims(part.grid.judgement.claims) for line in claim.lines
    ]
    assert words == ["CONFIRMED", "UNDECIDED"]
    text = Page(written([part])).text
    for claim in part.grid.judgement.claims:
        assert claim.sentence in text


def test_markup_in_a_text_stays_text(tmp_path: Path) -> None:
    entry = fake_ledger.edited(tmp_path, TABLE, {"SPEECHCOMMAND RESULT": "<b>1 & 2</b>"})
    home = fake_ledger.home(tmp_path)
    plan = plan_table(entry, Request(), home)
    text = page.render(gather.parts([plan], home, Ledger([home.runs])), "T<i>", "c")
    assert "&lt;b&gt;1 &amp; 2&lt;/b&gt;" in text
    assert "<title>T&lt;i&gt;</title>" in text
