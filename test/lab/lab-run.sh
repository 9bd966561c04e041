#!/bin/sh
# Supervisor of one host: lab-run.sh DIRECTORY NAMESPACE HOSTNAME [nspawn option]...
# Moves itself into the host's control groups (one directory a line in DIRECTORY/cgroups), boots the host, and boots it
# again when it has asked for a reboot. Each boot gets clocks of its own, so that uptime and boot time are the host's.
set -u
directory=$1 namespace=$2 hostname=$3
shift 3

# systemd-nspawn's exit status where the host has rebooted.
REBOOT=133

while read -r cgroup; do echo $$ >"$cgroup/cgroup.procs" || exit 1; done <"$directory/cgroups"

while :; do
  uptime=$(cut -d. -f1 /proc/uptime)
  unshare --time --boottime "-$uptime" --monotonic "-$uptime" --fork --kill-child=KILL \
    systemd-nspawn --quiet --boot --directory="$directory/root" --machine="$namespace" --hostname="$hostname" \
    --register=no --keep-unit --network-namespace-path="/run/netns/$namespace" \
    --capability=CAP_NET_ADMIN,CAP_NET_RAW --resolv-conf=off --timezone=off --link-journal=no --console=pipe \
    "$@" </dev/null >>"$directory/console.log" 2>&1
  status=$?
  echo "$(date +%s.%N) ended $status" >>"$directory/events"
  [ "$status" = "$REBOOT" ] || exit "$status"
done
