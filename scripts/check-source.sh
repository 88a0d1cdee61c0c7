#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks the sources for what compilers and formatters do not see: comments, and the walls between
# modules. Called by check-tree.sh. Prints everything that is wrong; the exit code is 1 then.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

COLUMNS_MAX=100

wrong=0
complain() {
    printf '%s\n' "$*" >&2
    wrong=1
}

# Tracked files that match and exist in the working tree.
files() {
    git ls-files -- "$@" | while IFS= read -r file; do
        [ -f "$file" ] && printf '%s\n' "$file"
    done
}

# Lines of such files that match a regular expression (PCRE), as file:line.
matches() {
    local pattern=$1
    shift
    files "$@" | tr '\n' '\0' | xargs -0 -r grep -HnP -- "$pattern" | cut -d: -f1,2 || true
}

C=('src/*.[ch]' 'test/*.[ch]')
JS=('web/*.js' 'web/*.mjs' 'web/*.ts' 'test/*.js' 'test/*.mjs' 'examples/*.js')
SHELL=('*.sh' .ci/run Makefile '*.mk')

# --- comments and names

# A comment line ends at the last column. So does a comment behind code.
long="(?=.{$((COLUMNS_MAX + 1))})"
while IFS= read -r place; do
    complain "$place: the comment goes beyond column $COLUMNS_MAX"
done < <(
    matches "^$long\s*(//|/\*|\*)|^$long.*\S\s+//\s" "${C[@]}" "${JS[@]}"
    matches "^$long\s*(/\*|\*)|^$long.*[;{}]\s*/\*" 'web/*.css'
    matches "^$long\s*#|^$long.*\s##?\s" "${SHELL[@]}"
)

# A comment behind code that does not fit: the formatter has torn the declaration, or the comment
# goes on below. Both belong above what they explain.
torn() {
    awk -v max="$COLUMNS_MAX" '
        function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text }
        FNR == 1 { before = ""; column = 0 }
        {
            at = match($0, /[^ \t].*[^ \t:\/"]([ \t]+)\/\/ /) ? RSTART + RLENGTH - 3 : 0
            code = at ? substr($0, 1, at - 1) : ""
            gsub(/^[ \t]+|[ \t]+$/, "", code)
            whole = before
            sub(/[ \t]+$/, "", whole)
            open = whole != "" && whole !~ /([;{}:,\\]|else|do|\*\/)$/ && whole !~ /^[ \t]*(\/\/|#)/
            if (at && code ~ /;$/ && open && whole !~ /\/\/ / && length(whole) + 1 + length(code) <= max)
                complain("a comment behind the code has torn the declaration; put it above")
            alone = match($0, /^[ \t]*\/\//) ? RLENGTH - 1 : 0
            if (alone > 9 && column == alone)
                complain("a comment behind code goes on below it; put it above")
            column = at ? at : column == alone ? column : 0
            before = $0
        }' "$@"
}
while IFS= read -r match; do complain "$match"; done < <(
    files "${C[@]}" | while IFS= read -r file; do torn "$file"; done
)

# Every source says what it is for, below the licence.
while IFS= read -r file; do
    head -n 4 "$file" | grep -A1 'SPDX-License-Identifier' | tail -n 1 |
        grep -qE '^(//|/\*| \*|# |<!--) *[^ ]' || complain "$file: does not say what it is for below its SPDX line"
done < <(files '*.c' '*.h' '*.js' '*.mjs' '*.ts' '*.css' '*.sh')

# A function that other files call is named after its module: the stem of its file (or the stem's
# first part, or its singular), or the folder for the functions of the folder's public header.
misnamed() {
    local file=$1 stem folder
    stem=$(basename "$file" .c)
    folder=$(basename "$(dirname "$file")")
    grep -nE '^[a-z][a-z_0-9 *]*[ *][a-z_0-9]+\(' "$file" | grep -vE '^[0-9]+:(static|typedef|extern|return)\b|;$' |
        sed -E 's/^([0-9]+):[^(]*[ *]([a-z_0-9]+)\(.*/\1 \2/' | while read -r line name; do
            case $name in
                main | "$stem"* | "${stem%s}"* | "${stem%_*}"* | "$folder"* | cli_*) ;;
                report_*) [ "$stem" = err ] || printf '%s:%s: %s\n' "$file" "$line" "$name" ;;
                grant_*) [ "$folder" = auth ] || printf '%s:%s: %s\n' "$file" "$line" "$name" ;;
                *) printf '%s:%s: %s\n' "$file" "$line" "$name" ;;
            esac
        done
}
while IFS= read -r match; do
    complain "$match is not named after its module"
done < <(files 'src/*.c' | while IFS= read -r file; do misnamed "$file"; done)

# One word means one thing: no two structs of the program have the same name.
while IFS= read -r name; do
    complain "$name is defined twice: $(files 'src/*.[ch]' | tr '\n' '\0' | xargs -0 grep -lE "^$name \{" | tr '\n' ' ')"
done < <(files 'src/*.[ch]' | tr '\n' '\0' | xargs -0 grep -hoE '^struct [a-z_0-9]+ \{' | sed 's/ {//' | sort | uniq -d)

# --- walls

# NAME PATTERN FOLDERS…: nothing in these folders matches.
forbid() {
    local reason=$1 pattern=$2
    shift 2
    while IFS= read -r place; do complain "$place: $reason"; done < <(matches "$pattern" "$@")
}
forbid 'the hub knows no framing; that is proto/wire' 'frame_chunk|chunked|\\r\\n' 'src/hub/*.[ch]'
forbid 'handlers know no HTTP/1; they have a struct request' 'http1_(?!conn)' 'src/api/*.[ch]' 'src/server/*.[ch]'

# offsetof is for container_of (base/container.h) and for what is an offset itself.
forbid 'use container_of (base/container.h)' '\boffsetof\(' 'src/*.[ch]' ':!src/base/container.h' \
    ':!src/base/option.h' ':!src/sys/notify.c' ':!src/journal/lmdb_check.c'

# A library is included by its adapter only.
library() {
    local header=$1
    shift
    forbid "${*:-nobody} alone may include $header" "^#include <$header>" 'src/*.[ch]' "${@/#/:!}"
}
library 'lmdb\.h' src/journal/store.h src/journal/links.h src/journal/lmdb_check.c
library 'cyaml/.*'
library 'yaml\.h' src/config/tree.c
library 'pcre2\.h' src/hub/filter.c
library 'curl/.*' src/cli/client.c
library 'llhttp/.*' src/proto/http1.c
library 'utlist\.h' src/base/list.h
library 'uthash\.h' src/sys/hash.h
library 'zlib\.h' src/source/unpack.c
library 'xxhash\.h' src/sys/hash.c src/journal/record.c

exit $wrong
