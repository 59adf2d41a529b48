"""Leave a compute node whose device does not work: the job goes back into the queue without it.

A node that fails at once is idle at once, so the next job of an array would be sent there too.
"""

import os
import re
import subprocess

TIMES = 10  # so often queued again, time limits included, it is not the nodes
_EXCLUDED = re.compile(r"\bExcNodeList=(\S+)")


def leave() -> str:
    """Queue this job again on other nodes; return what was done about it, empty outside Slurm."""
    job, node = os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURMD_NODENAME")
    if not job or not node:
        return ""
    if int(os.environ.get("SLURM_RESTART_COUNT", "0")) >= TIMES:
        return f"; queued again {TIMES} times before, so not once more"
    try:
        before = _EXCLUDED.search(_scontrol("show", "job", "-o", job))
        nodes = [before[1]] if before and before[1] != "(null)" else []
        _scontrol("requeue", job)
        _scontrol("update", f"JobId={job}", f"ExcNodeList={','.join([*nodes, node])}")
    except (OSError, subprocess.CalledProcessError) as error:
        return f"; leave {node} out with --slurm-option exclude={node} (scontrol: {error})"
    return f"; queued again without {node}"


def _scontrol(*words: str) -> str:
    return subprocess.run(["scontrol", *words], capture_output=True, text=True, check=True).stdout
