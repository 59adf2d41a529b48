"""Plans for machines that see nothing of this one: a Kubernetes Job, a SkyPilot task.

Both hold the lines of `scripts`, one for each run, and take the one that their index names. What is
about a cluster and not about a run (an image, a volume) is asked for by name.
"""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from repro import identity
from repro.commands.plan.scripts import ARRAY, Job, for_cards
from repro.engines import slurm
from repro.errors import UserError, unknown
from repro.plan import rates

# By format, where the home lies on such a machine.
HOMES = {"k8s": "/repro", "sky": "~/repro"}
EXCHANGE = "/exchange"  # where a SkyPilot task sees its bucket
# By format, the options that it takes: what each is, and whether nothing goes without it.
OPTIONS: dict[str, dict[str, tuple[str, bool]]] = {
    "k8s": {
        "image": ("a container image in which this program is installed as `repro`", True),
        "claim": ("a PersistentVolumeClaim that holds the home: data, cache, runs", True),
        "queue": ("a Kueue LocalQueue that admits the jobs", False),
        "namespace": ("where the jobs belong", False),
        "gpu": ("the name of the resource (default: nvidia.com/gpu)", False),
        "node": ("LABEL=VALUE of the nodes to use, where cards differ", False),
    },
    "sky": {
        "bucket": ("a bucket (s3://..., gs://...): its data/ is read, records/ is written", True),
        "accelerators": ("cards by name, as A100:1", False),
        "infra": ("where to look for machines: aws, gcp/us-central1, k8s, ...", False),
        "install": ("the command that installs this program there", True),
    },
}
# A run that fails fails again: its exit code is not tried once more. A lost machine is, and a run
# whose device did not work.
FINAL = (2, 4, 5)
LOST = 6  # times that an index may lose its machine


def options(fmt: str, texts: Iterable[str]) -> dict[str, str]:
    """Read KEY=VALUE for a format; UserError for another key, or where one is missing."""
    valid = OPTIONS.get(fmt, {})
    found = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not valid:
            raise UserError(f"--option {text}: --format {fmt} takes none", "leave it out")
        if key not in valid:
            raise unknown(f"option of --format {fmt}", key, valid, f"repro plan --format {fmt}")
        if not sign or not value or "\n" in value:
            raise UserError(f"--option {text!r}: expected KEY=VALUE", f"--option {key}=VALUE")
        found[key] = value
    for key, (what, needed) in valid.items():
        if needed and key not in found:
            raise UserError(f"--format {fmt} needs {what}", f"--option {key}=VALUE")
    return found


def as_k8s(jobs: Sequence[Job], given: Mapping[str, str]) -> str:
    """Return an Indexed Job (batch/v1) for each wave of runs, or each part of a large one."""
    waves = sorted({job.wave for job in jobs})
    parts = []
    for wave in waves:
        runs = [job for job in jobs if job.wave == wave]
        for number, start in enumerate(range(0, len(runs), ARRAY)):
            parts.append(_indexed(runs[start : start + ARRAY], f"{wave}-{number}", given))
    lines = ["# Each run is one index. Submit it with: kubectl apply -f FILE"]
    if len(waves) > 1:
        lines = ["# Each run is one index. A wave starts from the runs of the one before:"]
        wait = "kubectl wait --for=condition=complete --timeout=-1s job -l wave"
        lines += [f"#   kubectl apply -f FILE -l wave={w} && {wait}={w}" for w in waves]
    lines.append(f"# Kubernetes 1.33 or later. {given['claim']} holds the home, with its audio.")
    lines += for_cards(jobs)
    return "\n".join(lines) + "\n" + "---\n".join(_yaml(part) for part in parts)


def _indexed(jobs: Sequence[Job], part: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return one Indexed Job."""
    gpus = max(job.needs.gpus for job in jobs)
    cards = {given.get("gpu", "nvidia.com/gpu"): str(gpus)} if gpus else {}
    cpus = str(max(job.needs.cpus for job in jobs))
    memory = {"memory": f"{max(job.needs.memory_gb for job in jobs)}Gi"}
    name = f"repro-{identity.digest([job.run.id for job in jobs])[:8]}-{part}"
    labels = {"app": "repro", "wave": part.partition("-")[0]}
    queue = {"kueue.x-k8s.io/queue-name": given["queue"]} if "queue" in given else {}
    label, _, value = given.get("node", "").partition("=")
    start = 'eval "exec ${commands[$JOB_COMPLETION_INDEX]}"'  # so that a signal reaches it
    pod = {
        "restartPolicy": "Never",
        **({"nodeSelector": {label: value}} if label else {}),
        "containers": [
            {
                "name": "repro",
                "image": given["image"],
                "command": ["bash", "-c", "\n".join([*_choice(jobs), start])],
                "env": [{"name": k, "value": v} for k, v in slurm.OFFLINE.items()],
                "resources": {
                    "requests": {"cpu": cpus, **memory, **cards},
                    "limits": {**memory, **cards},
                },
                "volumeMounts": [{"name": "home", "mountPath": HOMES["k8s"]}],
            }
        ],
        "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": given["claim"]}}],
    }
    final = {"containerName": "repro", "operator": "In", "values": list(FINAL)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            **({"namespace": given["namespace"]} if "namespace" in given else {}),
            "labels": {**labels, **queue},
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": len(jobs),
            "parallelism": len(jobs),
            **({"suspend": True} if queue else {}),  # Kueue lets it start
            "backoffLimitPerIndex": LOST,
            "podFailurePolicy": {
                "rules": [{"action": "FailIndex", "onExitCodes": final}],
            },
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def as_sky(jobs: Sequence[Job], given: Mapping[str, str]) -> str:
    """Return a SkyPilot task of which each launch trains the run that INDEX names.

    Its home is on the machine's own disk: locks and renames are no matter for a bucket. Records
    come and go as archives, those of parents too.
    """
    needs = [job.needs for job in jobs]
    gpus = max(n.gpus for n in needs)
    if gpus and "accelerators" not in given:
        raise UserError("--format sky needs cards by name", "--option accelerators=A100:1")
    most = max(job.card for job in jobs) / 1e9
    named = rates.class_of(given.get("accelerators", ""))
    if named and most > named.gigabytes:
        raise UserError(f"{named.name} has {named.gigabytes} GB; the largest run needs {most:.2g}",
                        "--checkpoint-activations, or a larger card")  # fmt: skip
    home = shlex.join(["--home", HOMES["sky"]])
    records = f"{EXCHANGE}/records"
    task = {
        "name": "repro",
        "resources": {
            **({"infra": given["infra"]} if "infra" in given else {}),
            **({"accelerators": given["accelerators"]} if gpus else {}),
            "cpus": f"{max(n.cpus for n in needs)}+",
            "memory": f"{max(n.memory_gb for n in needs)}+",
        },
        "envs": {"INDEX": "0", "REPRO_DATA": f"{EXCHANGE}/data", **slurm.OFFLINE},
        "file_mounts": {EXCHANGE: {"source": given["bucket"], "mode": "MOUNT"}},
        "setup": given["install"],
        "run": "\n".join([
            f"mkdir -p {records}",
            f'for file in {records}/*.tar.gz; do [ ! -e "$file" ] || '
            f'repro runs import "$file" {home}; done',
            *_choice(jobs),
            'eval "${commands[$INDEX]}" &&',
            f'  repro runs export "{records}/$INDEX-$(hostname).tar.gz" --weights {home}',
        ]),
    }  # fmt: skip
    waves = [[n for n, job in enumerate(jobs) if job.wave == w] for w in {j.wave for j in jobs}]
    lines = ["# Each run is one launch. A stopped machine begins its run anew. Launch them with:"]
    for number, wave in enumerate(waves):
        after = "" if number == 0 else "  # when those above have ended"
        lines.append(f"#   for i in $(seq {wave[0]} {wave[-1]}); do "
                     f"sky jobs launch -y -d --env INDEX=$i FILE; done{after}")  # fmt: skip
    lines += for_cards(jobs)
    return "\n".join(lines) + "\n" + _yaml(task)


def _choice(jobs: Sequence[Job]) -> list[str]:
    """Return the lines of a bash script that hold the commands of all runs."""
    return ["commands=(", *(f"  {shlex.quote(job.line)}" for job in jobs), ")"]


def _yaml(value: Any, indent: int = 0) -> str:
    """Return plain data as YAML: text of several lines as a block, all other text in quotes."""
    space = " " * indent
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            if isinstance(item, dict | list) and item:
                lines.append(f"{space}{key}:\n{_yaml(item, indent + 2)}")
            else:
                lines.append(f"{space}{key}: {_scalar(item, indent + 2)}\n")
        return "".join(lines)
    return "".join(
        f"{space}- {_yaml(item, indent + 2).lstrip()}"
        if isinstance(item, dict)
        else f"{space}- {_scalar(item, indent + 2)}\n"
        for item in value
    )


def _scalar(value: Any, indent: int) -> str:
    if isinstance(value, str) and "\n" in value:
        return "|\n" + "\n".join(" " * indent + line for line in value.splitlines())
    return json.dumps(value)
