#!/usr/bin/env bash
# The manual page and the completion of shells name what the program has:  tests/package/manual.sh CAMO
#   every command and flag of --help stands in the page and is completed; groff finds no mistake in the page
#   bash answers as it answers readline; where zsh and fish are installed, they read theirs
set -euo pipefail
camo=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "$*" >&2; failed=1; }
for format in man bash zsh fish; do "$camo" manual --format $format >"$work/$format"; done
# shellcheck source=/dev/null
source "$work/bash"

# reply WORDS...: what the last word completes to
reply() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _camo
  echo "${COMPREPLY[*]}"
}
# expect REPLY WORDS...
expect() {
  local got
  got=$(reply "${@:2}")
  [[ $got == "$1" ]] || fail "bash: '${*:2}' completes to '$got', and should to '$1'"
}
expect train camo tr
expect '--backbone --backbone-rate' camo train --back
backbones='pvt_v2_b0 pvt_v2_b1 pvt_v2_b2 pvt_v2_b2_li pvt_v2_b3 pvt_v2_b4 pvt_v2_b5'
expect "$backbones" camo train --backbone pvt
expect "$backbones" camo train --backbone = pvt
expect 'cpu cuda' camo train --device =
expect 'gemm' camo bench g
expect '--drop-path' camo bench recompute --drop
expect '' camo bench train --drop  # a flag of camo train
expect '' camo train --epochs ''   # a number
expect '' camo train --data ''     # files, which readline completes
expect '' camo predict --weights ''
expect '' camo predict ''

entries() { sed -nE 's/^  ([a-z][a-z-]*) +[a-z].*/\1/p' <<<"$1"; }
# check_page COMMAND...: the flags of its help, in its section of the page and completed
check_page() {
  local help section zsh flags flag all='' function="_camo $*"
  help=$("$camo" "$@" --help)
  flags=$(sed -nE 's/^  --([a-z0-9-]+).*/--\1/p' <<<"$help")
  section=$(awk -v name=".SS camo $*" '{ gsub(/\\-/, "-") } /^\.S[SH]/ { on = $0 == name } on' "$work/man")
  zsh=$(awk -v name="${function//[ -]/_}() {" '/^}/ { on = 0 } on; $0 == name { on = 1 }' "$work/zsh")
  [[ $section ]] || fail "the page has no section on camo $*"
  for flag in $flags; do
    all+="$flag "
    [[ $section == *"fB$flag"'\fR'* ]] || fail "the page does not name $flag of camo $*"
    [[ $zsh == *["'*"]"$flag"[=\[]* ]] || fail "zsh: no $flag of camo $*"
    grep -qE -- "__camo_in $*' -l ${flag#--} " "$work/fish" || fail "fish: no $flag of camo $*"
  done
  expect "${all}--help" camo "$@" --
  count=$((count + 1))
}
count=0
for command in $(entries "$("$camo" --help)"); do
  [[ $command == camo ]] && continue
  check_page "$command"
  if [[ $command == bench ]]; then
    for subject in $(entries "$("$camo" bench --help)"); do check_page bench "$subject"; done
  fi
done

[[ $(<"$work/zsh") == *"'*--weights=["* ]] || fail "zsh: --weights may be given twice, and is not offered again"

if command -v groff >/dev/null; then
  mistakes=$(groff -man -Tutf8 -rLL=78n -ww -z "$work/man" 2>&1)
  [[ -z $mistakes ]] || fail "groff: $mistakes"
fi
for shell in zsh fish; do
  if command -v $shell >/dev/null; then $shell -n "$work/$shell" || fail "$shell does not read its completion"; fi
done
((failed)) || echo "$count commands: the page and the completion name every flag"
exit $failed
