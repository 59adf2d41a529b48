"""Time a network on one clip: `python -m repro.measure.timing`, a fresh process for each start.

It reads a job as JSON from standard input and writes what it found to standard output. The caller
takes the median over several starts: within one process times agree better than they repeat.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

WARM_UP = 10  # passes before the first that counts
PASSES = 50
PROTOCOL = {"batch": 1, "precision": "fp32", "warm_up": WARM_UP, "passes": PASSES,
            "what": "the network alone, from the front end's output to its scores"}  # fmt: skip


def start(job: dict[str, Any]) -> dict[str, Any]:
    """Time a job in a process of its own; return its median, load and execution, or its error.

    job: resolved (of a measurement), classes, seconds, device, threads, warm_up, passes.
    """
    words = (sys.executable, "-P", "-m", "repro.measure.timing")
    done = subprocess.run(words, input=json.dumps(job), capture_output=True, text=True)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        return {"error": last[0]}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    """Answer the job on standard input."""
    job = json.loads(sys.stdin.read())
    # Only now: a process that is stopped before has not spent seconds on importing PyTorch.
    from repro.train import determinism

    reason = determinism.check_device(job["device"])
    if reason is not None:
        print(json.dumps({"error": reason}))
        return
    determinism.set_up(job["threads"])
    load = os.getloadavg()[0]  # what else the machine did: 0 where it was idle
    times = passes(job)
    print(
        json.dumps(
            {
                "median": round(statistics.median(times), 4),
                "load": round(load, 2),
                "execution": determinism.execution(job["device"], job["threads"]),
            }
        )
    )


def passes(job: dict[str, Any]) -> list[float]:
    """Return the milliseconds of each counted pass over one clip of noise, batch 1."""
    import torch

    from repro.measure import counting

    device = torch.device(job["device"])
    model, shape = counting.build(job["resolved"], (job["classes"], job["seconds"]), "cpu")
    model.to(device)
    x = torch.randn(1, *shape).to(device)
    found = []
    with torch.inference_mode():
        for number in range(job["warm_up"] + job["passes"]):
            began = time.perf_counter()
            model(x)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if number >= job["warm_up"]:
                found.append(1000 * (time.perf_counter() - began))
    return found


if __name__ == "__main__":
    main()
