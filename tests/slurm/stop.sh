#!/usr/bin/env bash
# Stop the Slurm that start.sh has started in DIR; every process by its own id.
set -euo pipefail

[ $# = 1 ] || { echo "usage: stop.sh DIR" >&2; exit 2; }
for name in slurmd slurmctld munged; do
  file="$1/$name.pid"
  [ -f "$file" ] || continue
  pid=$(cat "$file")
  # A number that has gone to another program is not ours to stop.
  if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$name" ]; then
    kill "$pid"
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
  fi
  rm -f "$file"
done
