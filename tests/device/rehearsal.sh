#!/usr/bin/env bash
# rehearsal.sh BUILD: tests/device/run on emulated kernels, killed in the middle and called again.  What had succeeded is not done again,
# and the folder holds a whole report after the kill and at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=$1
out=$build/rehearsal
run=(tests/device/run --emulate --build "$build" --out "$out" --stems "optim resample softmax" --steps 2)
rm -rf "$out"
fail() { echo "$*" >&2; exit 1; }
rows() { grep -c $'\tok\t' "$out/logs/steps.tsv" || true; }

set -m  # a process group of its own, so that its children are killed with it
"${run[@]}" >"$build/rehearsal.log" 2>&1 &
pid=$!
set +m
while kill -0 $pid 2>/dev/null; do
  [[ -f $out/logs/steps.tsv && $(rows) -ge 3 ]] && break
  sleep 0.5
done
kill -9 -- "-$pid" 2>/dev/null || fail "it ended before it could be killed: $(cat "$build/rehearsal.log")"
wait $pid 2>/dev/null || true
before=$(rows)
((before >= 3)) || fail "three steps should have succeeded, got $before: $(cat "$build/rehearsal.log")"
compgen -G "$out/emulation-*.md" >/dev/null || fail "no report after the kill"

"${run[@]}" | tee "$build/rehearsal.log"
(($(grep -c 'done before' "$build/rehearsal.log") >= before)) || fail "what had succeeded was done again"
for step in facts build ops poison train bench; do
  grep -qF "$step | ok" "$out"/emulation-*.md || fail "the report lacks $step"
done
echo "killed after $before steps, went on, and reported all"
