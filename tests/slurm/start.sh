#!/usr/bin/env bash
# Start a Slurm of one node on this machine, for the tests marked `slurm`:
#
#   export SLURM_CONF=$(tests/slurm/start.sh DIR)     installs it where it can (Debian, root)
#   tests/slurm/stop.sh DIR
#
# DIR holds everything: configuration, sockets, state, logs and process ids. Ports are its own, and
# nothing outside DIR is touched but the installed packages. The last line printed is the path of
# slurm.conf; the tests run where SLURM_CONF names it, and skip elsewhere.
set -euo pipefail

[ $# = 1 ] || { echo "usage: start.sh DIR" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

if ! command -v slurmctld >/dev/null || ! command -v munged >/dev/null; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "start.sh: no Slurm here, and only root on Debian or Ubuntu can install it" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  # Its packages start daemons of their own where they can: not here.
  printf '#!/bin/sh\nexit 101\n' > "$dir/policy-rc.d"
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    install -m 755 "$dir/policy-rc.d" /usr/sbin/policy-rc.d
  fi
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends slurm-wlm munge >&2
fi

"$here/stop.sh" "$dir"
rm -rf "$dir/state" "$dir/spool"
mkdir -p "$dir/state" "$dir/spool"
chmod 755 "$dir"
(umask 077 && head -c 1024 /dev/urandom > "$dir/munge.key")

host=$(hostname -s)
cpus=$(nproc)
cat > "$dir/slurm.conf" <<CONF
ClusterName=repro-test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=$(id -un)
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# cred_expire is also how long a requeued job waits before it starts again; two minutes by default.
AuthInfo=socket=$dir/munge.socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
# A container has neither cgroups of its own nor accounting.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
MaxArraySize=101
KillWait=1
SchedulerParameters=sched_interval=2,batch_sched_delay=0,sched_min_interval=0,bf_interval=2
# More processors than there may be: the tests' runs are small, and waiting for a turn is slow.
NodeName=$host NodeAddr=127.0.0.1 CPUs=$((cpus > 4 ? cpus : 4)) RealMemory=65536 State=UNKNOWN
PartitionName=test Nodes=$host Default=YES MaxTime=60 State=UP
CONF
export SLURM_CONF="$dir/slurm.conf"

munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" \
  --pid-file="$dir/munged.pid" --log-file="$dir/munged.log" --seed-file="$dir/munged.seed" >&2
slurmctld >&2
slurmd -N "$host" >&2

for _ in $(seq 60); do
  case $(sinfo --noheader --format=%t 2>/dev/null || true) in
    idle*|mix*|alloc*) echo "$dir/slurm.conf"; exit 0 ;;
  esac
  sleep 0.5
done
echo "start.sh: Slurm did not come up; see $dir/slurmctld.log and $dir/slurmd.log" >&2
tail -n 20 "$dir/slurmctld.log" "$dir/slurmd.log" >&2 || true
"$here/stop.sh" "$dir"
exit 1
