#!/usr/bin/env bash
# A shared library exports namespace camo and nothing else, and says its version:  tests/package/shared.sh LIBRARY
# `./run library` builds one; third_party/exports.map decides what it exports.
set -euo pipefail
exported=$(nm -D --defined-only "$1" | cut -d' ' -f3)
others=$(grep -vE '^_Z(N|NK|NR|NO|NKR|NKO|TIN|TSN|TVN|TTN|Thn?[0-9]+_NK?|Tv0_n[0-9]+_NK?|THN|TWN|ZN|ZNK|GVN|GVZN|GVZNK)4camo' \
  <<<"$exported" || true)
[[ -z $others ]] || { echo "$1 exports what is not of namespace camo: ${others:0:300}" >&2; exit 1; }
for symbol in _ZN4camo8backward _ZN4camo2nn6Linear _ZTIN4camo2nn6ModuleE _ZTVN4camo2nn6ModuleE; do
  grep -q "^$symbol" <<<"$exported" || { echo "$1 does not export $symbol" >&2; exit 1; }
done
objdump -p "$1" | grep -E 'SONAME +libcamo\.so\.[0-9]+\.[0-9]+$' >/dev/null || { echo "$1 has no version" >&2; exit 1; }
echo "$(wc -l <<<"$exported") symbols, all of namespace camo"
