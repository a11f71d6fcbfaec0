#!/usr/bin/env bash
# Every external program that scripts, CMake files and tests call must be in third_party/programs, and the package that
# brings it in the list named there: on a bare Debian a program that no list names is a red test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failed=0
fail() { echo "$*" >&2; failed=1; }

# called SCRIPT: the words in command position, one a line.  Comments, text in single quotes, arithmetic and patterns of
# `case` are dropped first.  A word behind a command that runs another (exec, timeout 9, xargs -n 1) counts as well.
called() {
  local runs='(exec|command -v|env( [A-Z_]+=[^ ]+)*|timeout [^ ]+|limit [^ ]+|each [^ ]+|sudo( -n)?|unshare( -[^ ]+)*|chroot [^ ]+|xargs( -[^ ]+( "[^"]*"| [0-9]+)?)*)'
  local before='(^ *|[|;&({!] *|-exec +|(if|elif|while|until) +)((if|then|elif|else|while|until|do) +)*'
  local plain
  plain=$(sed -E -e 's/(^|  )#.*//' -e "s/'[^']*'/''/g" -e 's/\(\(/: /g; s/=\(/=/' -e "s/^ *[-a-z|*\"']+\)( |\$)//" "$1")
  { echo "$plain"; sed -E "s/$before$runs +/; /g; s/$before$runs +/; /g" <<<"$plain"; } |
    grep -oE "${before}[a-z][a-z0-9+_.-]*( |\)|;|\$)" | sed -E "s/^$before//; s/[^a-z0-9+_.-]//g; /^\$/d" | sort -u
}

scripts=(run .ci/run .ci/lint tests/device/run tests/device/*.sh tests/fuzz/run tests/*.sh tests/package/*.sh tests/processes/*.sh examples/cluster/*.sh)
own=$(sed -nE 's/^([a-z_]+)\(\) .*/\1/p' "${scripts[@]}"; compgen -b; compgen -k)
count=0
# check_program PROGRAM FILE
check_program() {
  grep -qxF -- "$1" <<<"$own" && return
  count=$((count + 1))
  cut -d' ' -f1 third_party/programs | grep -qxF -- "$1" ||
    fail "$2 calls $1, which third_party/programs lacks  [add it there, and its package to a list]"
}
for script in "${scripts[@]}"; do
  while read -r program; do check_program "$program" "$script"; done < <(called "$script")
done
while IFS=: read -r file call; do check_program "${call##* }" "$file"; done < <(
  find CMakeLists.txt third_party tests \( -name '*.cmake' -o -name CMakeLists.txt \) -exec \
    grep -oHE '(execute_process\(COMMAND|find_program\([A-Z_]+) +[a-z][a-z0-9+_.-]*' {} +)

# C++ and Python files start no program but camo itself.
while read -r file; do
  case $file in
    tests/program/program_run.cpp | tests/program/kill_test.cpp | tests/program/system_test.cpp | tests/program/machine_test.cpp | tests/program/processes_test.cpp | tests/export/pytorch_test.cpp | tests/serve/server_process.cpp | tests/cuda/processes_test.cpp | examples/camo/commands/commands.cpp) ;;
    tests/mutations/run.py) ;;  # cmake, ctest and git
    tests/serve/load.py) ;;  # camo
    tests/serve/page.py | tests/report/page.py) ;;  # camo
    tests/browser.py) ;;  # chromium
    tests/readme_test.py | tests/commands_test.py) ;;  # the examples, camo
    tests/processes/failures.py) ;;  # mpirun and two_nodes.sh
    tests/predict/figures.py) ;;  # camo
    tests/peers/*) ;;  # they are run by hand, where PyTorch is
    *) fail "$file starts a program: third_party/programs must name it, and then this script the file" ;;
  esac
done < <(grep -rlE '(::system|popen|exec[lv]p?e?|posix_spawnp?) ?\(|^ *(import|from) subprocess' \
  --include=*.cpp --include=*.h --include=*.py autograd cuda examples moe nn tensor tests)

while read -r program package list; do
  case $list in
    packages*) grep -qxF -- "$package" "third_party/$list" ||
      fail "third_party/$list lacks $package, the package of $program" ;;
    essential|*' '*) ;;
    *) fail "third_party/programs: $program has neither a list nor a reason" ;;
  esac
done < <(grep -v '^#' third_party/programs)
((failed)) || echo "$count programs called, all of them known"
exit $failed
