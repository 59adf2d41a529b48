"""Times of networks: what a process answers; never how long it took."""

import pytest

from repro.measure import networks, timing
from repro.train import determinism


def job(device="cpu"):
    (network,) = (n for n in networks.networks() if n.systems[0] == "m3net-1s")
    return {
        "resolved": network.resolved, "classes": 35, "seconds": 1.0, "device": device,
        "threads": 1, "warm_up": 1, "passes": 3,
    }  # fmt: skip


def test_warm_up_passes_do_not_count():
    times = timing.passes(job())
    assert len(times) == 3
    assert all(time > 0 for time in times)


@pytest.mark.slow
def test_a_process_answers_its_median_and_names_its_device():
    answer = timing.start(job())
    assert answer["median"] > 0
    assert answer["load"] >= 0
    assert answer["execution"] == determinism.execution("cpu", 1)


@pytest.mark.slow
def test_a_process_that_fails_says_why():
    broken = job()
    del broken["device"]
    assert timing.start(broken)["error"] == "KeyError: 'device'"


@pytest.mark.slow
def test_a_device_that_is_not_here_is_named():
    assert "cuda:99 is not here" in timing.start(job("cuda:99"))["error"]
