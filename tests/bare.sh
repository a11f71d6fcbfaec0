#!/usr/bin/env bash
# The README's two commands on a bare Debian 12 with nothing else installed:
#   tests/bare.sh [COMMIT [FOLDER]]      COMMIT: HEAD; FOLDER for the system, 5 GB: a new one, removed at the end
# Makes the system with debootstrap (minbase) from the mirror that this machine's apt uses, clones COMMIT into it, runs
# `./run demo` and `./run test` there, and prints their last lines, wall seconds and processor seconds (user and system).
# Needs root, git and debootstrap; BARE_RUN=COMMAND runs another command instead of the two, and
# BARE_FILE=FILE is copied into the clone for it.  Exit status 1 when one failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ $EUID -eq 0 ]] || { echo "tests/bare.sh needs root: it makes a system and changes into it" >&2; exit 2; }
command -v debootstrap git >/dev/null || { echo "tests/bare.sh needs:  apt-get install debootstrap git" >&2; exit 2; }
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")
given=${2:-}
bare=${given:-$(mktemp -d)}
mkdir -p "$bare"
bare=$(cd "$bare" && pwd)

[[ $given ]] || trap 'rm -rf "$bare" "$bare.log"' EXIT

# The first mirror of this release that apt knows here.
# shellcheck disable=SC2016  # $(SITE) is apt's
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
[[ $mirror ]] || { echo "tests/bare.sh: apt knows no mirror of bookworm" >&2; exit 2; }
debootstrap --variant=minbase bookworm "$bare" "$mirror" >"$bare.log" 2>&1 || { tail "$bare.log" >&2; exit 1; }
# How to reach the mirror from here: a proxy, a certificate, a clock that is wrong.
apt-config dump | grep -E '^Acquire::(http|https|Check)' >"$bare/etc/apt/apt.conf.d/host" || true
git clone -q . "$bare/root/camo"
git -C "$bare/root/camo" checkout -q "$commit"
[[ ! ${BARE_FILE:-} ]] || cp "$BARE_FILE" "$bare/root/camo"

# inside COMMAND...: in the system, in the clone, with nothing of this machine's environment but its proxy.  /proc and
# /dev/shm, which every running Debian has, are mounted for this command alone, so that nothing stays behind.
inside() {
  local variables=(HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8)
  [[ ${http_proxy:-} ]] && variables+=("http_proxy=$http_proxy")
  # shellcheck disable=SC2016  # for the inner shells
  unshare --mount --pid --fork --kill-child --mount-proc="$bare/proc" sh -c '
    mount -t tmpfs tmpfs "$0/dev/shm" && exec chroot "$0" env -i "$@"' "$bare" "${variables[@]}" \
    bash -c 'cd /root/camo && "$@"' - "$@"
}
failed=0
# measured COMMAND: its last lines and what it cost
measured() {
  local log=$bare/root/log times status=ok
  TIMEFORMAT='%R s wall, %U s user, %S s system'
  times=$({ time inside bash -c "$1" >"$log" 2>&1; } 2>&1) || { status=FAILED; failed=1; }
  printf '\n$ %s\n' "$1"
  tail -n "$([[ $status == ok ]] && echo 12 || echo 60)" "$log"
  echo "$status: $times"
}
echo "Debian $(cat "$bare/etc/debian_version") minbase, $(inside dpkg-query -W | wc -l) packages, commit ${commit:0:10}"
if [[ ${BARE_RUN:-} ]]; then measured "$BARE_RUN"; else measured './run demo'; measured './run test'; fi
exit $failed
