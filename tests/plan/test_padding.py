"""What clips a network can be built for: the rule that a plan reads, against built networks."""

import subprocess
import sys

import pytest
import torch

from repro.models import eat
from repro.plan import padding
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.spec import catalogue
from tests import fake_ledger


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"factors": "4 4"},
        {"factors": "5 3 2", "kernel": 7},
        {"stack": "undilated"},
        {"stack": "absent", "gather": "conv"},
        {"residual": "common"},
        {"residual": "bottleneck", "factors": "2"},
    ],
    ids=str,
)
def test_the_rule_that_a_plan_reads_is_that_of_built_networks(args):
    least = padding.shortest("eat", {"width": 4, **args})
    assert least == eat.shortest_samples(**args)
    small = {"width": 4, "embedding": 8, "layers": 1, "heads": 1, "hidden": 8, **args}
    with torch.device("meta"):
        eat.build(3, (1, least), **small)
        with pytest.raises(ValueError, match=f"shortest valid length is {least}"):
            eat.build(3, (1, least - 1), **small)


def settings(front, model="eat", **args):
    return {"frontend": {"name": front, "args": args}, "model": {"name": model, "args": {}}}


def test_short_clips_are_padded_to_the_next_multiple_or_cannot_be():
    wave = {"rate": 16000, "multiple": 8192, "length": 0}
    assert padding.padded(settings("waveform", **wave), 3.0) is None  # 48,000 samples
    short = padding.padded(settings("waveform", **wave), 1.0)
    assert (short.samples, short.least, short.length) == (16384, 32257, 32768)
    fixed = padding.padded(settings("waveform", **{**wave, "length": 20000}), 1.0)
    assert (fixed.samples, fixed.length) == (20000, 0)
    assert padding.padded(settings("fbank", rate=16000), 0.1) is None  # frames are its own
    assert padding.padded(settings("waveform", model="gafx", **wave), 0.1) is None  # no rule


def test_eat_on_one_second_clips_is_padded_in_the_plan_and_nowhere_else(tmp_path):
    def first(**request):
        made = plan_table(
            catalogue.load("eat-esc50"), Request(**request), fake_ledger.home(tmp_path)
        )
        return made, next(run for run in made.runs if run.system == "eat-s")

    short, run = first(on="speech_commands_v2_35")
    assert run.resolved["frontend"]["args"]["length"] == 32768
    assert any("padded with zeros to 32,768" in line for line in short.padded)
    long, run = first(on="esc50")
    assert "length" not in run.resolved["frontend"]["args"]
    assert long.padded == ()


def test_a_plan_reads_the_rule_without_torch():
    code = ("import sys; from repro.plan import padding; "
            "print(padding.shortest('eat', {}), 'torch' in sys.modules)")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["32257", "False"], done.stderr
