#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that are missing from the given sections of
# packaging/debian-packages.txt. Does nothing, quickly, when all are installed. On a system without
# dpkg it only prints what is needed.
#
#   usage: install-packages.sh SECTION...
set -eu

list=$(dirname "$0")/../packaging/debian-packages.txt
[ $# -ge 1 ] || { echo "usage: install-packages.sh SECTION..." >&2; exit 64; }

node_is_here() {
    command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 &&
        node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 18 || (a == 18 && b >= 19) ? 0 : 1)'
}

wanted=
for section in "$@"; do
    found=$(sed -n "/^\[$section\]\$/,/^\[/{/^[a-z0-9]/p}" "$list")
    [ -n "$found" ] || { echo "install-packages.sh: $list has no section [$section]" >&2; exit 64; }
    wanted="$wanted
$found"
done
case " $* " in
    *" test "*) if node_is_here; then wanted=$(echo "$wanted" | grep -vxE 'nodejs|npm'); fi ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    printf '%s\n' "install-packages.sh: not a Debian system; if something is missing, it is one of:$wanted" >&2
    exit 0
fi

# shellcheck disable=SC2086 # words are what is wanted
missing=$({
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true
    printf 'wanted %s\n' $wanted
} | awk '$1 == "installed" { have[$2] = 1 } $1 == "wanted" && !have[$2]++ { print $2 }')
[ -n "$missing" ] || exit 0

missing=$(echo "$missing" | tr '\n' ' ')
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1; then
    # Without a terminal nobody could type a password.
    as_root=sudo
    [ -t 0 ] || as_root='sudo -n'
else
    printf '%s\n' "These Debian packages are missing, and neither root nor sudo is here to install them:" \
        "    apt-get install --no-install-recommends $missing" >&2
    exit 1
fi

install() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 $missing </dev/null >"$output" 2>&1
}

update() {
    $as_root apt-get update -qq -o DPkg::Lock::Timeout=300 </dev/null >"$output" 2>&1
}

output=$(mktemp)
trap 'rm -f "$output"' EXIT
echo "installing: $missing" >&2
# The package lists of a new machine are empty or old. They are fetched when the installation fails.
install && exit 0
echo "fetching the package lists" >&2
if ! update || ! install; then
    cat "$output" >&2
    echo "install-packages.sh: the packages could not be installed; see above" >&2
    exit 1
fi
