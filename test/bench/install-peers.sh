#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the hubs that the benchmark compares with: Debian's packages, as root or through sudo,
# and one npm package.
set -eu

cd "$(dirname "$0")/peers"
packages='nginx-light libnginx-mod-nchan pushpin zurl'
missing=
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null; then
        as_root=sudo
    else
        echo "install-peers.sh: run as root or install sudo; these packages are missing:$missing" >&2
        exit 77
    fi
    # RUNLEVEL=1: Debian then does not start their services, which the benchmark does not want.
    # shellcheck disable=SC2086 # words are meant
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends $missing
fi
npm ci
