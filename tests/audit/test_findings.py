"""The audit of the shipped tables reaches the findings of statistics.md 2.2 and 2.3."""

import json
import statistics
from typing import Any

import pytest

from repro.audit import report as audit
from repro.audit.findings import CONTRADICTIONS, SEVERITIES
from repro.audit.rates import measured
from repro.errors import UserError
from repro.render import audit_report

Finding = dict[str, Any]


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """Return the JSON of `repro audit all`."""
    entries, only = audit.entries_of("all")
    assert only is None
    data: dict[str, Any] = json.loads(audit_report.as_json(audit.audit(entries)))
    return data


def find(report: dict[str, Any], rule: str, table: str, *cells: str) -> Finding:
    """Return the one finding of a rule that touches a table and all of the cells."""
    found = [
        f
        for f in report["findings"]
        if f["rule"] == rule
        and table in f["tables"]
        and all(f"{table}/{cell}" in f["cells"] for cell in cells)
    ]
    assert len(found) == 1, [f["title"] for f in found]
    return found[0]


def test_every_finding_has_all_that_a_reader_needs(report):
    assert report["findings"]
    for finding in report["findings"]:
        assert finding["severity"] in SEVERITIES
        assert finding["contradiction"] == (finding["severity"] in CONTRADICTIONS)
        assert not (finding["contradiction"] and finding["survives"])
        assert finding["sentence"].endswith(".")
        assert finding["shows_not"]
        assert finding["tables"]
        assert finding["computation"]
        assert all(table in report["tables"] for table in finding["tables"])
        if finding["rule"] == "arithmetic":
            assert finding["claim"]


def test_nothing_is_called_impossible(report):
    """Every number of the four papers has a reading; statistics.md names none that has not."""
    assert not [f["title"] for f in report["findings"] if f["severity"] == "impossible"]


def test_the_contradictions_are_the_three_that_no_reading_rescues(report):
    """statistics.md 2.0: what a reading rescues is at most unstated, what is ours is a note."""
    severe = [(f["rule"], f["tables"][0]) for f in report["findings"] if f["contradiction"]]
    assert sorted(severe) == [
        ("arithmetic", "eat-esc50"),
        ("arithmetic", "gafx-extractors"),
        ("arithmetic", "m3net-speechcommands"),
    ]


def test_the_strongest_findings_come_first(report):
    order = [
        (SEVERITIES.index(f["severity"]), f["chance"] if f["chance"] is not None else 1.0)
        for f in report["findings"]
    ]
    assert order == sorted(order)


def test_the_statement_counts_checks_and_states_measured_rates(report):
    checks = report["checks"]
    assert checks["made"] == sum(checks["by_rule"].values()) > 400
    text = " ".join(report["statement"])
    assert "does not show misconduct" in text
    assert f"{checks['made']:,} checks" in text
    assert "3 contradictions and" in text
    rates = measured()
    assert f"{rates.papers:,} made-up honest papers" in text
    for habit in rates.habits:
        assert f"{rates.alarmed[habit]:,} ({habit})" in text


# ---- 2.2 -------------------------------------------------------------------------------------


def test_urbansound8k_is_split_into_tenths(report):
    finding = find(report, "sizes", "asmrh-urbansound8k")
    numbers = finding["numbers"]
    assert finding["tables"] == ["asmrh-urbansound8k", "asmrh-ablation"]
    assert finding["severity"] == "unstated"
    assert len(numbers["values"]) == 10  # ASM-RH, printed in both, counts once
    assert numbers["totals"] == [2622, 5244]
    assert numbers["size"] == 874
    by_end = {search["high"]: search for search in numbers["searches"]}
    assert by_end[1000]["fits"] == [874]
    assert by_end[1000]["expected"] == pytest.approx(0.0005, abs=5e-5)
    assert by_end[1200]["within_two_misses"] == [874]
    assert by_end[1999]["fits"] == [874, 1748]
    assert by_end[1999]["expected"] == pytest.approx(1.1, abs=0.05)
    assert numbers["by_metric"]["valid.accuracy"]["1200"] == [874, 1138]
    assert numbers["by_metric"]["test.accuracy"]["1200"] == [874, 1096]
    assert numbers["expected_listed"] == pytest.approx(2.0e-5, abs=1e-6)
    readings = numbers["other_readings"]
    assert readings["truncated mean"] == []
    assert readings["rounded mean of rounded run values"] == [874]
    assert readings["truncated mean of truncated run values"] == [875]
    assert finding["chance"] == pytest.approx(0.0005, abs=5e-5)
    assert "2,622 = 3 x 874" in finding["sentence"]
    assert "it does not show" in finding["sentence"]
    assert all(numbers["listed"][str(n)]["missed"] for n in (873, 888, 925, 990, 936))


def test_98_63_is_no_evidence_about_folds(report):
    finding = find(report, "listed size", "asmrh-urbansound8k-10fold", "ASM-RH-I/best")
    numbers = finding["numbers"]
    assert numbers["one_run"]["fits"] == [873, 874]
    assert numbers["one_run"]["other_reading"] == [806]
    assert 3 in numbers["runs_that_fit"]["925"]
    assert numbers["expected_by_chance"]["an official fold"] == pytest.approx(0.87, abs=0.005)
    assert "no evidence" in finding["sentence"]
    skipped = {s["cell"]: s["why"] for s in report["not_checked"]}
    assert "unequal size" in skipped["asmrh-urbansound8k-10fold/ASM-RH-I/avg"]


def test_ravdess_75_4(report):
    finding = find(report, "listed size", "asmrh-ravdess", "ASM-RH-A/acc")
    one_run = finding["numbers"]["one_run"]
    assert {144, 245, 246, 120, 180} <= set(one_run["excluded"])
    assert one_run["fits"] == [240, 735, 736]
    assert 3 in finding["numbers"]["runs_that_fit"]["245"]


def test_casia_is_only_not_960(report):
    finding = find(report, "sizes", "asmrh-casia")
    numbers = finding["numbers"]
    assert numbers["size"] is None
    assert numbers["searches"][0]["fits"] == [1080, 1173, 1319, 1323, 1412]
    assert numbers["searches"][0]["expected"] == pytest.approx(1.34, abs=0.005)
    assert numbers["searches"][0]["p"] == pytest.approx(0.018, abs=0.003)
    listed = numbers["listed"]
    assert set(listed["960"]["missed"]) == {"90.25", "93.15", "91.76"}
    assert listed["960"]["joint_readings"] == []
    of_missed = listed["960"]["readings_of_missed"]
    assert of_missed["90.25"] == ["rounded mean of rounded run values"]
    assert "truncated mean" in of_missed["93.15"]
    assert "truncated mean of rounded run values" in of_missed["91.76"]
    for n in ("120", "180", "240", "300", "360"):
        assert len(listed[n]["missed"]) >= 4
    assert listed["1440"]["joint_readings"]  # so 1,440 is not excluded
    assert "too weak to name a size" in finding["sentence"]
    assert "960" in finding["sentence"]
    assert "1,440 decisions" not in finding["sentence"]


def test_gafx_48_67_and_37_00(report):
    finding = find(report, "listed size", "gafx-augmentation", "with/accuracy")
    assert finding["numbers"]["runs_that_fit"]["200"] == [3, 6, 9]
    assert finding["numbers"]["one_run"]["fits"] == [150, 300, 600]
    assert "in one run" in finding["sentence"]
    fits = {
        r["n"]: r["fits"]
        for r in report["granularity"]
        if r["cell"] == "gafx-augmentation/without/accuracy"
    }
    assert fits[200]
    assert fits[600]  # 37.00 cannot tell 200 from 600


def test_47_10_and_51_00(report):
    finding = find(report, "spread", "gafx-pretraining", "without/accuracy")
    numbers = finding["numbers"]
    assert numbers["runs_of_mean"] == [5, 10]
    assert set(numbers["fits"]["4"].values()) == {"trailing zeros as padding"}
    assert "2" not in numbers["fits"] or numbers["fits"]["2"] == {}
    five = numbers["fits"]["5"]
    assert five["sample SD"] != "as printed"
    assert [five[m] for m in ("population SD", "standard error", "half the range")] == [
        "as printed"
    ] * 3
    other = find(report, "spread", "gafx-pretraining", "with/accuracy")
    assert other["numbers"]["two_runs"] == [[49.0, 53.0]]
    assert "53.00 of Table 6" in other["sentence"]


def failing(finding: Finding) -> list[tuple[float, float]]:
    return [(round(f["low"], 3), round(f["high"], 3)) for f in finding["numbers"]["failing"]]


def test_24_percent(report):
    finding = find(report, "arithmetic", "gafx-extractors")
    assert failing(finding) == [(19.49, 19.51)]
    assert finding["severity"] == "inconsistent"
    assert finding["survives"] == []
    substitute = finding["numbers"]["substitutes"][0]
    assert "gafx-augmentation/with/accuracy" in substitute["cells"]
    assert (substitute["low"], substitute["high"]) == pytest.approx((23.82, 23.84))


def test_at_least_6_times_lighter(report):
    finding = find(report, "arithmetic", "eat-speechcommands")
    assert failing(finding) == [(5.785, 5.914)]
    assert finding["severity"] == "unstated"
    assert finding["survives"] == ["as a bound on the rounded value"]


@pytest.mark.parametrize(
    ("table", "interval"),
    [("eat-ablation-mixing", (90.3, 91.7)), ("eat-ablation-architecture", (90.15, 91.45))],
)
def test_the_sums_of_the_ablations(report, table, interval):
    finding = find(report, "arithmetic", table)
    assert failing(finding) == [interval]
    assert finding["severity"] == "unstated"  # they hold for the cumulative reading only
    assert "92.15" in finding["sentence"]
    assert any("no sum is claimed" in reading for reading in finding["survives"])


@pytest.mark.parametrize(("table", "gap"), [("asmrh-speechcommands", 0.03), ("asmrh-casia", 0.02)])
def test_the_order_of_validation_auc(report, table, gap):
    finding = find(report, "arithmetic", table, "v-auc/ASM-RH", "v-auc/ASM-I")
    (result,) = finding["numbers"]["failing"]
    assert -result["value"] == pytest.approx(gap)
    assert result["high"] < 0
    assert "does not say which metric" in finding["sentence"]
    assert finding["severity"] == "unstated"  # on test accuracy the order is the printed one


def test_97_44_is_unstated(report):
    finding = find(report, "listed size", "m3net-urbansound8k", "M3Net/accuracy")
    assert finding["severity"] == "unstated"
    assert 8732 in finding["numbers"]["one_run"]["other_reading"]
    assert any("mean of the accuracies of ten folds" in text for text in finding["survives"])


def test_m3net_p_values(report):
    finding = find(report, "p-values", "m3net-speechcommands", "SeqBoat/p", "EAT-S-GMME/p")
    numbers = finding["numbers"]
    assert numbers["n"]["exact (two-sided)"][0] == 14
    corrected = "continuity-corrected normal approximation (two-sided)"
    assert 10 in numbers["n"][corrected]
    assert numbers["w"][corrected] == [15.0, 11.0]
    assert 10 in numbers["tied"]
    assert "no n <= 13" in finding["sentence"]
    assert "(W = 15 and 11)" in finding["sentence"]
    assert "exact (one-sided)" not in finding["sentence"]  # ten pairs do not give 1.0e-1
    assert "n, sidedness and method are not stated" in finding["sentence"]


def test_m3net_bounds(report):
    finding = find(report, "p-values", "m3net-urbansound8k", "ULSED/p")
    numbers = finding["numbers"]
    assert numbers["times"] == 8  # five in Table 1, three in Table 2
    assert finding["tables"] == ["m3net-urbansound8k", "m3net-speechcommands"]
    assert numbers["alone"]["exact (two-sided)"] == 6
    assert numbers["alone"]["exact (one-sided)"] == 5
    assert numbers["alone"]["normal approximation (two-sided)"] == 5
    assert numbers["holm"]["exact (two-sided)"] == 8


# ---- 2.3 -------------------------------------------------------------------------------------


def comparison(report: dict[str, Any], better: str, worse: str) -> dict[str, Any]:
    (found,) = [c for c in report["comparisons"] if (c["better"], c["worse"]) == (better, worse)]
    return found


def test_a_the_parts_of_the_ablation(report):
    table = "asmrh-ablation/t-acc/"
    for rival, all_runs, z in (("ASM-H", 16, 0.62), ("ASM-R", 20, 0.763)):
        found = comparison(report, f"{table}ASM-RH", f"{table}{rival}")
        assert found["decisions_of_all_runs"] == all_runs
        assert found["n"] == 874
        assert 5 <= found["decisions"] < 7
        assert found["z"] == pytest.approx(z, abs=0.006)
    assert find(report, "comparisons", "asmrh-ablation")["severity"] == "unstated"
    order = find(report, "validation against test", "asmrh-ablation", "v-acc/ASM-H", "t-acc/ASM-R")
    assert order["numbers"]["decisions"] == [4]
    turned = [f["tables"] for f in report["findings"] if f["rule"] == "validation against test"]
    assert turned == [["asmrh-speechcommands"], ["asmrh-ablation"]]  # I: ASM-I and ASM-RH, AUC


def test_b_the_best_fold_of_ravdess(report):
    finding = find(report, "comparable", "asmrh-ravdess", "ASM-RH-A/acc")
    means = finding["numbers"]["implied_mean"]
    for n, mean in (("144", 69.5), ("245", 70.9), ("735", 72.9)):
        assert means[n] == pytest.approx(mean, abs=0.05)
    assert finding["numbers"]["lowest_rival"] == 73.1
    assert "below all 3" in finding["sentence"]
    assert finding["severity"] == "not comparable"


def test_c_3_8_percent(report):
    finding = find(report, "arithmetic", "eat-esc50")
    assert failing(finding) == [(3.925, 4.035)]
    (substitute,) = finding["numbers"]["substitutes"]
    assert "eat-esc50/ERANN-2-5/accuracy" in substitute["cells"]


def test_d_less_than_10_percent_and_dozens(report):
    def rows(table: str, claimed: str) -> dict[str, tuple[float, float]]:
        (finding,) = [
            f
            for f in report["findings"]
            if f["rule"] == "arithmetic" and f["tables"] == [table]
            and f["numbers"]["claimed"] == claimed
        ]  # fmt: skip
        return {
            cell.split("/")[1]: (f["low"], f["high"])
            for f in finding["numbers"]["failing"]
            for cell in f["cells"]
            if "M3Net" not in cell
        }

    less = rows("m3net-speechcommands", "< 0.10")
    assert less == {"SeqBoat": pytest.approx((0.104, 0.108), abs=5e-4)}
    times = rows("m3net-speechcommands", ">= 24")
    assert times == {"SeqBoat": pytest.approx((9.3, 9.6), abs=0.05)}
    smaller = rows("m3net-urbansound8k", ">= 24")
    assert smaller["PhiNets M40"] == pytest.approx((0.90, 0.96), abs=0.006)
    assert set(smaller) == {"PhiNets M40", "ULSED"}


def test_e_clmr_is_another_test_set(report):
    lattice = find(report, "listed size", "gafx-genre", "CLMR/accuracy")
    assert lattice["numbers"]["one_run"]["excluded"] == [200]
    row = find(report, "comparable", "gafx-genre", "CLMR/accuracy")
    assert row["severity"] == "not comparable"


def test_91_76_stands_in_two_tables(report):
    """2.11: t-acc of ASM-I in II and IV; fits 2,622, not 2,880; about 1 % by chance: a note."""
    finding = find(report, "repeated", "asmrh-casia", "t-acc/ASM-I")
    assert finding["severity"] == "coincidence"
    assert "asmrh-urbansound8k/t-acc/ASM-I" in finding["cells"]
    assert finding["chance"] == pytest.approx(0.01, abs=0.003)
    assert "in Table II it fits 3 x 874" in finding["sentence"].replace("In Table", "in Table")
    assert "in Table IV it does not fit 3 x 960" in finding["sentence"]


def test_gafx_has_no_validation_set(report):
    finding = find(report, "selection", "gafx-genre", "GAFX-U/accuracy")
    assert finding["severity"] == "unstated"
    assert "best on the test set" in finding["sentence"]
    assert "the last epoch is printed" in finding["survives"]
    assert "asmrh" not in {f["paper"] for f in report["findings"] if f["rule"] == "selection"}


def test_30_seconds_are_661_500_samples(report):
    finding = find(report, "arithmetic", "gafx-resnet-architecture")
    assert [(f["low"], f["high"]) for f in finding["numbers"]["failing"]] == [(661_500, 661_500)]
    assert finding["severity"] == "unstated"  # tracks are a little longer, and rows have 200
    assert "661,794" in finding["survives"][0]


def test_reconstructions_print_the_cell(report):
    finding = find(report, "spread", "gafx-pretraining", "without/accuracy")
    lines = [line for line in finding["computation"] if line.startswith("population SD, for")]
    (runs,) = [line.split(" runs of ")[1] for line in lines]
    values = [float(text) for text in runs.replace(" and ", ", ").split(", ")]
    assert len(values) == 5
    assert all(2 * value == int(2 * value) for value in values)  # shares of 200
    assert f"{statistics.fmean(values):.2f} {statistics.pstdev(values):.2f}" == "47.10 1.50"


def test_parameter_counts_are_one_note_a_paper():
    entries, _ = audit.entries_of("eat")
    counts = {("eat-s", "esc50"): {"all": 5_183_618}, ("eat-s", "urbansound8k"): {"all": 5_175_386}}
    report = audit.audit(entries, counts)
    (finding,) = [f for f in report.findings if f.rule == "parameters"]
    assert (finding.severity, finding.contradiction) == ("unlike ours", False)
    assert set(finding.cells) == {"eat-esc50/EAT-S/parameters", "eat-urbansound8k/EAT-S/parameters"}


def test_f_one_name_two_values(report):
    finding = find(report, "same name", "gafx-extractors")
    assert finding["numbers"]["p"] == pytest.approx(0.0018, abs=5e-5)
    assert "gives no reason" in finding["sentence"]
    tiny = comparison(report, "gafx-baseline/AST-S/accuracy", "gafx-baseline/AST-Ti/accuracy")
    assert tiny["decisions"] == pytest.approx(7)
    assert tiny["p"] == pytest.approx(0.53, abs=0.006)
    points = comparison(report, "gafx-genre/GAFX-U/accuracy", "gafx-genre/AST-Ti/accuracy")
    assert points["p"] == pytest.approx(0.019, abs=5e-4)
    assert not [f for f in report["findings"] if "11.5" in f["title"]]


def test_g_the_pretraining_rests_on_an_unstated_n(report):
    finding = find(report, "Welch", "gafx-pretraining")
    p = finding["numbers"]["p"]
    assert [p["2"], p["3"], p["5"]] == pytest.approx([0.17, 0.059, 0.009], abs=0.003)


def test_h_half_a_point_is_ten_clips(report):
    found = comparison(
        report, "eat-ablation-mixing/cutmix/relative", "eat-ablation-mixing/mixup/relative"
    )
    assert (found["decisions"], found["n"]) == (pytest.approx(10), 2000)
    finding = find(report, "comparisons", "eat-ablation-mixing", "cutmix/relative")
    assert "nor a spread" in finding["sentence"]


def test_rows_with_another_test_are_not_comparable(report):
    tables = {f["tables"][0] for f in report["findings"] if f["rule"] == "comparable"}
    assert tables == {
        "asmrh-urbansound8k-10fold", "asmrh-ravdess", "m3net-speechcommands", "gafx-augmentation",
        "gafx-genre",
    }  # fmt: skip


def test_claims_that_hold_are_not_findings(report):
    sentences = [f["claim"] for f in report["findings"] if f["rule"] == "arithmetic"]
    for said in (
        "11.5% accuracy",
        "×2.6 more parameters",
        "33% lighter",
        "around 0.03M",
        "3.5 per",
    ):
        assert not [s for s in sentences if said in s], said


# ---- which tables ----------------------------------------------------------------------------


def test_one_table_is_audited_with_its_paper():
    entries, only = audit.entries_of("gafx-extractors")
    assert only == "gafx-extractors"
    report = audit.audit(entries, only=only)
    assert all(only in finding.tables for finding in report.findings)
    assert "same name" in {finding.rule for finding in report.findings}  # needs Table 5
    assert {c["table"] for c in report.checks.comparisons} == {only}


def test_an_unknown_table_is_named():
    with pytest.raises(UserError, match="did you mean 'gafx-genre'"):
        audit.entries_of("gafx-gnre")
