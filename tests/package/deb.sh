#!/usr/bin/env bash
# The Debian package in a bare Debian 12 (tests/bare.sh says what that needs):  tests/package/deb.sh PACKAGE.deb [FOLDER]
# Installs, runs, builds against and removes it there, with the scripts of HEAD: tests/package/installed.sh.
set -euo pipefail
package=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
BARE_FILE=$package BARE_RUN="tests/package/installed.sh $(basename "$1")" exec tests/bare.sh HEAD "${@:2}"
