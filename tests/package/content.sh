#!/usr/bin/env bash
# The Debian package of a build has the files it should, and its control fields:  tests/package/content.sh BUILD
# Nothing is built: cpack takes the program and the library as they are.
set -euo pipefail
for program in cpack dpkg-deb; do
  command -v $program >/dev/null || { echo "skipped: no $program here"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "$*" >&2; failed=1; }
cpack --config "$1/CPackConfig.cmake" -B "$work" -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }
package=$(ls "$work"/*.deb)

dpkg-deb -c "$package" | sed -E 's/^([^ ]+) +([^ ]+) .* \.(\/.*)$/\1 \2 \3/' >"$work/files"
for file in '-rwxr-xr-x root/root /usr/bin/camo' \
  '-rw-r--r-- root/root /usr/include/camo/(tensor/tensor|autograd/ops|nn/layers|nn/checking/layer_case|moe/moe)\.h' \
  '-[-rwx]+ root/root /usr/lib/([^/]+/)?libcamo\.(a|so)' \
  '-rw-r--r-- root/root /usr/lib/([^/]+/)?cmake/camo/camo-config\.cmake' \
  '-rw-r--r-- root/root /usr/lib/([^/]+/)?pkgconfig/camo\.pc' \
  '-rw-r--r-- root/root /usr/share/man/man1/camo\.1' \
  '-rw-r--r-- root/root /usr/share/bash-completion/completions/camo' \
  '-rw-r--r-- root/root /usr/share/zsh/[a-z-]+/_camo' \
  '-rw-r--r-- root/root /usr/share/fish/vendor_completions.d/camo\.fish' \
  '-rw-r--r-- root/root /usr/share/doc/camoxpert/copyright'; do
  grep -qE -- "^$file\$" "$work/files" || fail "the package lacks $file"
done
others=$(grep -vE '/usr/((bin|include|lib|share)/.*)?$|/$' "$work/files" || true)
[[ -z $others ]] || fail "the package has files elsewhere: $others"
others=$(grep -E '\.(cpp|cu|o|md|py)$' "$work/files" || true)
[[ -z $others ]] || fail "the package has files that nobody includes: $others"

# field NAME PATTERN
field() {
  local value
  value=$(dpkg-deb -f "$package" "$1")
  [[ $value =~ ^($2)$ ]] || fail "$1 is '$value'"
}
field Package camoxpert
field Version '[0-9]+\.[0-9]+\.[0-9]+'
field Architecture "$(dpkg --print-architecture)"
field Maintainer Camo
field Section science
! command -v dpkg-shlibdeps file >/dev/null || field Depends '.*libc6 .*libgomp1 .*libstdc\+\+6 .*'
((failed)) || echo "$(wc -l <"$work/files") entries, $(stat -c %s "$package") bytes"
exit $failed
