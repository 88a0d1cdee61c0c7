#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs commands one after the other, also when one of them fails, and names the failed ones at the
# end.
#
# Each command has a process group of its own. What is left of the group when the command has ended
# is ended too. So is the whole group when this script is stopped (TERM, INT, HUP): interrupted
# tests leave no hub, no browser and no runner behind.
#
# usage: run-parts.sh COMMAND...     each COMMAND is one argument, divided at its spaces
# exit code: 0 when all succeeded; 1; 128 + N when stopped by signal N
set -m # process groups

[ $# -ge 1 ] || { echo "usage: run-parts.sh COMMAND..." >&2; exit 64; }

group=

# Ends what is left of the group, by force after five seconds.
sweep() {
    kill -TERM -- "-$group" 2>/dev/null || return 0
    for _ in {1..50}; do
        sleep 0.1
        kill -0 -- "-$group" 2>/dev/null || return 0
    done
    kill -KILL -- "-$group" 2>/dev/null
}

# The command may be a make that runs this script again: it is waited for, not killed.
# shellcheck disable=SC2317 # called by the traps
stop() {
    trap '' TERM INT HUP
    if [ -n "$group" ]; then
        kill -TERM -- "-$group" 2>/dev/null
        wait "$group" 2>/dev/null
        sweep
    fi
    exit $((128 + $1))
}

trap 'stop 15' TERM
trap 'stop 2' INT
trap 'stop 1' HUP

failed=()
for command; do
    name=$command
    [ ${#name} -le 90 ] || name=${name:0:87}...
    echo "== $name"
    # shellcheck disable=SC2086 # its words
    $command </dev/null &
    group=$!
    wait "$group" || failed+=("$name")
    sweep
    group=
done

[ ${#failed[@]} -gt 0 ] || exit 0
printf '%d of %d failed:\n' ${#failed[@]} $# >&2
printf '    %s\n' "${failed[@]}" >&2
exit 1
