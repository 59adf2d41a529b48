"""The report in a real browser: opened, read, typed through, sorted, printed, and audited by axe.

Needs chromium; the check of contrast and labels also needs axe-core: `npm install axe-core` in the
checkout, or AXE_CORE as the path of its axe.min.js.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repro import places
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.render.html import gather, page
from repro.spec import catalogue
from tests import fake_ledger
from tests.render.made import near

CHECKOUT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)  # fmt: skip
AXE = Path(os.environ.get("AXE_CORE", CHECKOUT / "node_modules" / "axe-core" / "axe.min.js"))
TABLE = "asmrh-urbansound8k"
CELL = f"{TABLE}/t-acc/ASM-RH"
ON = "m3net-urbansound8k"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


def write(folder: Path, roots: list[Path], *tables: str) -> Path:
    """Write the report of tables (all, if none is named) from ledgers; return its path."""
    home = fake_ledger.home(folder)
    entries = [catalogue.load(table) for table in tables] or catalogue.load_all()
    plans = [plan_table(entry, Request(), home) for entry in entries]
    parts = gather.parts(plans, home, Ledger(roots))
    path = folder / "report.html"
    path.write_text(page.render(parts, "Tables, reproduced", "repro report"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a report with every kind of cell: two tables, one of which has runs on other data.

    ASM diverges once, ASM-I has two of three runs, ASM-RH has all.
    """
    folder = tmp_path_factory.mktemp("report")
    plan = fake_ledger.planned(folder, TABLE)
    values = {"asm": near(89.0), "asm-i": near(91.8), "asm-rh": near(95.7)}
    for run in plan.runs:
        if (run.system, run.seed) == ("asm", 1):
            fake_ledger.diverge(folder / "runs", run)
        elif (run.system, run.seed) != ("asm-i", 2):
            shares = {"accuracy": values[run.system](run) / 100, "auc": 0.99}
            fake_ledger.write(folder / "runs", run, {"valid": shares, "test": shares})
    return write(folder, [folder / "runs", places.shipped("results")], TABLE, ON)


class Opened:
    """A page with what its console and its network said."""

    def __init__(self, browser: Any, path: Path, place: str = "", width: int = 1400,
                 dark: bool = False, scripts: bool = True) -> None:  # fmt: skip
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri() + (f"#{place}" if place else ""))

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def sheet(self, cell: str = CELL) -> Any:
        return self.page.locator(f'[id="ev/{cell}"]')

    def cell(self, cell: str = CELL) -> Any:
        return self.page.locator(f'[id="{cell}"]')

    def focused(self) -> str:
        return str(
            self.page.evaluate("document.activeElement.id || document.activeElement.className")
        )


# What sticks out of the window, or out of its own box without a way to scroll there.
OVERFLOW = """() => {
  const out = [];
  const say = (what, element) => out.push(`${what}: ${element.outerHTML.slice(0, 90)}`);
  for (const element of document.querySelectorAll("main *, nav *")) {
    const style = getComputedStyle(element);
    if (element.closest("svg, .vh") || !element.checkVisibility()) continue;
    const right = element.getBoundingClientRect().right;
    if (!element.closest(".scroll, [popover]") && right > innerWidth + 1) say("out", element);
    const wider = element.clientWidth && element.scrollWidth > element.clientWidth + 1;
    if (wider && style.overflowX !== "auto" && style.display !== "inline") say("cut", element);
  }
  if (document.documentElement.scrollWidth > innerWidth) out.push("the page scrolls sideways");
  return out;
}"""
UNFOLD = "document.querySelectorAll('details').forEach(fold => fold.open = true)"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_it_opens_in_silence_asks_for_nothing_and_fits(browser, report, width, dark) -> None:
    with Opened(browser, report, width=width, dark=dark) as opened:
        assert opened.page.evaluate(OVERFLOW) == []
        opened.page.evaluate(UNFOLD)
        assert opened.page.evaluate(OVERFLOW) == []
        assert opened.said == []
        assert opened.asked == [report.as_uri()]
        paper = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in paper[4:-1].split(",")) < 384) == dark


def test_what_sticks_out_would_be_noticed(browser, report) -> None:
    with Opened(browser, report, width=400) as opened:
        opened.page.evaluate("document.querySelector('.measure').style.width = '60rem'")
        assert opened.page.evaluate(OVERFLOW) != []


def test_without_scripts_all_is_there_and_cells_open(browser, report) -> None:
    with Opened(browser, report, scripts=False) as opened:
        assert opened.cell().is_visible()
        assert not opened.sheet().is_visible()
        opened.cell().click()
        assert opened.sheet().is_visible()
        assert opened.sheet().locator(".close:focus").count() == 1
        text = opened.sheet().inner_text()
        for part in ("95.80", "95.70", "REPRODUCED", "repro table", "90 % interval", "Seed"):
            assert part in text
        opened.page.keyboard.press("Escape")
        assert not opened.sheet().is_visible()
        fold = opened.page.locator(f'[id="fig/{ON}@esc10+batch=64+lr=0.001/confusion"]')
        fold.locator("summary").click()
        assert fold.locator("svg").is_visible()
        assert not opened.page.locator("#filter").is_visible()  # what would not work is not shown
        assert opened.page.locator("#runs tbody tr").count() > 50


def test_a_cell_opens_and_closes_by_keyboard(browser, report) -> None:
    with Opened(browser, report) as opened:
        opened.cell().focus()
        for opens, closes in (("Enter", "Escape"), ("Space", "Enter")):
            opened.page.keyboard.press(opens)
            assert opened.sheet().is_visible()
            assert opened.focused() == "close"
            opened.page.keyboard.press(closes)  # Enter: on the button that has the focus
            assert not opened.sheet().is_visible()
            assert opened.focused() == CELL
        opened.page.keyboard.press("Tab")
        assert opened.focused() != CELL


def test_one_sheet_at_a_time(browser, report) -> None:
    with Opened(browser, report, width=1900) as opened:
        opened.cell().click()
        other = f"{TABLE}/v-acc/ASM"
        opened.cell(other).click()
        assert opened.sheet(other).is_visible()
        assert not opened.sheet().is_visible()


def test_a_link_opens_a_cell_a_run_and_a_finding(browser, report) -> None:
    with Opened(browser, report, CELL) as opened:
        assert opened.sheet().is_visible()
        link = opened.sheet().locator("a[href^='#run-']").first
        run = link.get_attribute("href")[1:]
        link.click()
        assert not opened.sheet().is_visible()
        assert opened.page.locator(f"#{run}").is_visible()
        assert opened.page.evaluate("document.querySelector(':target').id") == run
        opened.page.go_back()
        assert opened.sheet().is_visible()
        finding = opened.page.locator("details.finding[id]").first
        assert not finding.locator("p").first.is_visible()
        opened.page.evaluate(f"location.hash = {finding.get_attribute('id')!r}")
        finding.locator("p").first.wait_for(state="visible")


def test_records_are_sorted_by_their_values_and_filtered(browser, report) -> None:
    with Opened(browser, report) as opened:
        rows = opened.page.locator("#runs tbody tr")
        column = opened.page.locator("#runs thead th").all_inner_texts().index("Test %")
        head = opened.page.locator("#runs thead button").nth(column)

        def values() -> list[float]:
            texts = rows.locator(f"td:nth-child({column + 1})").all_inner_texts()
            return [float(text) for text in texts if text != "–"]

        head.focus()
        opened.page.keyboard.press("Enter")
        assert values() == sorted(values())
        assert head.locator("..").get_attribute("aria-sort") == "ascending"
        opened.page.keyboard.press("Enter")
        assert values() == sorted(values(), reverse=True)
        assert head.locator("..").get_attribute("aria-sort") == "descending"
        assert opened.page.locator("#runs [aria-sort]").count() == 1

        opened.page.fill("#filter", "esc10 grouped 2/5")
        shown = [row.inner_text() for row in rows.all() if row.is_visible()]
        second = [
            record
            for record in Ledger([places.shipped("results")]).all()
            if isinstance(record, Training) and record.dataset == "esc10"
            and (record.clips["protocol"], record.clips["fold"]) == ("grouped", 1)
        ]  # fmt: skip
        assert len(shown) == len(second) > 0
        assert all("esc10" in text and "grouped" in text for text in shown)
        assert opened.page.locator("#found").inner_text().startswith(f"{len(second)} of ")
        opened.page.fill("#filter", "")
        assert all(row.is_visible() for row in rows.all())


def test_on_paper_all_that_has_a_result_is_unfolded(browser, report) -> None:
    with Opened(browser, report, dark=True, scripts=False) as opened:
        opened.page.emulate_media(media="print")
        assert opened.sheet().is_visible()
        assert not opened.page.locator("nav").is_visible()
        assert not opened.page.locator(".close").first.is_visible()
        for fold in opened.page.locator("details").all()[:12]:
            assert (
                fold.bounding_box()["height"] > 2 * fold.locator("summary").bounding_box()["height"]
            )


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (npm install axe-core)")
@pytest.mark.parametrize(("width", "dark"), [(400, False), (1400, True)])
def test_contrast_labels_and_structure_hold_for_axe(browser, report, width, dark) -> None:
    with Opened(browser, report, width=width, dark=dark) as opened:
        opened.page.evaluate(UNFOLD)
        opened.cell().click()
        assert axe(opened) == []


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (npm install axe-core)")
def test_axe_would_notice_pale_text_and_a_button_without_a_name(browser, report) -> None:
    with Opened(browser, report) as opened:
        opened.page.evaluate("""() => {
          document.querySelector(".lead").style.color = "#bbb";
          document.querySelector(".cell").replaceChildren();
        }""")
        assert {text.partition(":")[0] for text in axe(opened)} == {"button-name", "color-contrast"}


def axe(opened: Opened) -> list[str]:
    """Return what axe-core finds wrong with a page."""
    if not opened.page.evaluate("typeof axe !== 'undefined'"):
        opened.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = opened.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("width", [400, 1400])
def test_all_tables_open_fit_and_hold_for_axe(browser, tmp_path, width) -> None:
    whole = write(tmp_path, [places.shipped("results")])
    with Opened(browser, whole, width=width) as opened:
        opened.page.evaluate(UNFOLD)
        assert opened.page.evaluate(OVERFLOW) == []
        assert opened.said == []
        if AXE.is_file():
            assert axe(opened) == []
