#!/bin/sh
# Starts the three nodes of configs/cluster-3.yaml on this machine. Ctrl-C drains and stops them.
#
#   deploy/cluster-3/start.sh
#   bin/sluice cluster status --admin unix:/var/tmp/sluice-cluster-3/lb1.sock
#
# Their data is kept in SLUICE_DATA, by default /var/tmp/sluice-cluster-3.
set -eu
cd "$(dirname "$0")/../.."
npm run -s setup
npm run -s build

pids=
stop() {
  trap - INT TERM EXIT
  # shellcheck disable=SC2086
  kill $pids 2>/dev/null || true
  wait
}
trap stop INT TERM EXIT

for n in 1 2 3; do
  SLUICE_N=$n bin/sluice run -f configs/cluster-3.yaml &
  pids="$pids $!"
done
wait
