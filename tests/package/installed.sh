#!/usr/bin/env bash
# A Debian package in a system that has nothing else of Camo:  tests/package/installed.sh PACKAGE.deb
# Installs it, runs the program, builds against the library in two ways, removes it, and looks for what was left behind.
# Changes the system that it runs in: tests/package/deb.sh makes one for it.
set -euo pipefail
package=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../consumer"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DEBIAN_FRONTEND=noninteractive
install=(apt-get install -y -qq --no-install-recommends)
apt-get update -qq
"${install[@]}" "$package" >/dev/null
dpkg -L camoxpert >"$work/files"
dpkg-query -W -f '${Package} ${Version}, ${Installed-Size} KiB installed\n' camoxpert

cd "$work"
camo --version
camo train --data synthetic --out run --count 8 --epochs 1 --size 32 --batch-size 2 --workers 0 >train.log
tail -n 3 train.log
camo synth --out pairs --count 2 --size 32 >/dev/null
camo predict --weights run pairs/Image --out found >/dev/null
ls found/map
camo manual | cmp - /usr/share/man/man1/camo.1
camo manual --format bash | cmp - /usr/share/bash-completion/completions/camo
cd - >/dev/null

"${install[@]}" g++ make cmake pkg-config libpng-dev libjpeg62-turbo-dev zlib1g-dev >/dev/null
make -s -f pkg_config.mk OUT="$work/small"
"$work/small"
cmake -S . -B "$work/build" >/dev/null
cmake --build "$work/build" >/dev/null
"$work/build/consumer"

apt-get purge -y -qq camoxpert >/dev/null
left=$(while read -r file; do [[ -d $file || ! -e $file ]] || echo "$file"; done <"$work/files")
[[ -z $left && ! -e /usr/include/camo ]] || { echo "left behind: $left" >&2; exit 1; }
echo "installed, ran, was built against, and went without a trace: $(wc -l <"$work/files") files and folders"
