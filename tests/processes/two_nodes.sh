#!/usr/bin/env bash
# Two "nodes": network namespaces with host names of their own, joined by a link of 1 Gbit/s, MPI over TCP between them.
#   sudo tests/processes/two_nodes.sh COMMAND...     runs COMMAND (after `mpirun -n 2`) with a process on each node
#   DELAY=10 ...    a delay of so many milliseconds each way, by netem, or by a relay where the kernel has none
#   CUT=20 ...      the link goes down after so many seconds
# Needs iproute2, Open MPI, and root.  mpirun notices a dead link by the keepalive settings below, and the system by
# tcp_retries2; without them mpirun waits for a quarter of an hour, after the processes have ended.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
relay='' cutter='' agent=$(mktemp)
clean() {
  for pid in $relay $cutter; do kill "$pid" 2>/dev/null || true; done
  rm -f "$agent"
  # What the launcher has left on a node that it does not reach any more.
  for node in a b; do { ip netns pids "camo-$node" | xargs -r kill; } 2>/dev/null || true; done
  ip netns del camo-a 2>/dev/null || true
  ip netns del camo-b 2>/dev/null || true
}
trap clean EXIT
clean
ip netns add camo-a
ip netns add camo-b
on() { ip netns exec "camo-$1" "${@:2}"; }
for node in a b; do
  on $node ip link set lo up
  on $node sh -c 'echo 5 >/proc/sys/net/ipv4/tcp_retries2'
done

join_by_veth() {
  ip link add camo-va netns camo-a type veth peer name camo-vb netns camo-b
  on a ip link set camo-va name link0
  on b ip link set camo-vb name link0
}
one_gigabit() { for node in a b; do on $node tc qdisc add dev link0 root tbf rate 1gbit burst 1mb latency 50ms; done; }
join_by_veth
if [[ ${DELAY:-0} == 0 ]]; then
  one_gigabit
else
  for node in a b; do
    on $node tc qdisc add dev link0 root netem delay "${DELAY}ms" rate 1gbit 2>/dev/null && continue
    on a ip link del link0
    python3 "$here/relay.py" camo-a camo-b link0 "$DELAY" &
    relay=$!
    sleep 1
    one_gigabit
    break
  done
fi
on a ip addr add 10.77.0.1/24 dev link0
on b ip addr add 10.77.0.2/24 dev link0
for node in a b; do on $node ip link set link0 up; done

# What mpirun starts on the other node instead of ssh: its arguments are the node and a shell line.
cat >"$agent" <<'END'
#!/usr/bin/env bash
while [[ $1 == -* ]]; do shift; done
exec ip netns exec camo-b unshare --uts sh -c 'hostname node-b; exec sh -c "$*"' sh "${@:2}"
END
chmod +x "$agent"
if [[ -n ${CUT:-} ]]; then
  (sleep "$CUT"; ip netns exec camo-b ip link set link0 down; echo "the link is cut") &
  cutter=$!
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ip netns exec camo-a unshare --uts sh -c 'hostname node-a; exec "$@"' sh \
  mpirun --mca plm_rsh_agent "$agent" --mca plm_rsh_no_tree_spawn 1 --mca btl tcp,self --mca pml ob1 \
  --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 --bind-to none \
  --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 3 \
  -host 10.77.0.1:1,10.77.0.2:1 -n 2 "$@"
