"""Leave a compute node whose device does not work: the job goes back into the queue without it.

A node that fails at once is idle at once, so the next job of an array would be sent there too.
"""

import os
import re
import signal
import subprocess
from collections.abc import Mapping

TIMES = 10  # so often queued again, time limits included, it is not the nodes
# Options of sbatch by which somebody has chosen nodes or cards.
_CHOOSING = ("constraint", "nodelist", "gres", "gpus", "gpus-per-node", "gpus-per-task")
_CARD = re.compile(r"gpu:([A-Za-z][\w.-]*):\d")
_EXCLUDED = re.compile(r"\bExcNodeList=(\S+)")


def leave() -> str:
    """Queue this job again on other nodes; return what was done about it, empty outside Slurm.

    To be called in the main thread: nodes can be left out only of a job that waits, and putting it
    back into the queue ends its processes, this one too. SIGTERM is left unheard until it is done.
    """
    job, node = os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURMD_NODENAME")
    if not job or not node:
        return ""
    if int(os.environ.get("SLURM_RESTART_COUNT", "0")) >= TIMES:
        return f"; queued again {TIMES} times before, so not once more"
    heard = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # by scontrol as well
    try:
        before = _EXCLUDED.search(_scontrol("show", "job", "-o", job))
        nodes = [before[1]] if before and before[1] != "(null)" else []
        _scontrol("requeue", job)
        _scontrol("update", f"JobId={job}", f"ExcNodeList={','.join([*nodes, node])}")
    except (OSError, subprocess.CalledProcessError) as error:
        return f"; leave {node} out with --slurm-option exclude={node} (scontrol: {error})"
    finally:
        signal.signal(signal.SIGTERM, heard)
    return f"; queued again without {node}"


def mixed(options: Mapping[str, str | bool]) -> str:
    """Return a hint where the nodes that a job may get have several kinds of cards; else "".

    options: of sbatch. Runs on different cards are different executions, so a table would mix them.
    """
    if any(options.get(name) for name in _CHOOSING):
        return ""
    where = ["-p", str(options["partition"])] if options.get("partition") else []
    try:
        told = subprocess.run(
            ["sinfo", "-h", "-o", "%G|%f", *where], capture_output=True, text=True
        ).stdout
    except OSError:
        return ""
    kinds: dict[str, set[str]] = {}
    for line in told.splitlines():
        cards, _, features = line.partition("|")
        for kind in _CARD.findall(cards):
            kinds.setdefault(kind, set()).update(set(features.split(",")) - {"(null)"})
    if len(kinds) < 2:
        return ""
    own = {kind: sorted(found.difference(*(kinds[k] for k in kinds if k != kind)))
           for kind, found in kinds.items()}  # fmt: skip
    first = next(iter(kinds))
    way = f"constraint={own[first][0]}" if own[first] else f"gres=gpu:{first}:1"
    return (f"these nodes have different cards ({', '.join(kinds)}), and each kind is an execution "
            f"of its own: --slurm-option {way} takes one kind")  # fmt: skip


def _scontrol(*words: str) -> str:
    return subprocess.run(["scontrol", *words], capture_output=True, text=True, check=True).stdout
