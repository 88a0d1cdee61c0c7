#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks the repository for what compilers and formatters do not see. Prints everything that is
# wrong; the exit code is 1 then.
set -euo pipefail
cd "$(dirname "$0")/.."

FILE_LINES_MAX=800
LAYERS=(base sys proto http log journal source hub auth config api server cli)

wrong=0
complain() {
    printf '%s\n' "$*" >&2
    wrong=1
}

# Tracked files that exist in the working tree.
files() {
    git ls-files -- "$@" | while IFS= read -r file; do [ -f "$file" ] && printf '%s\n' "$file"; done
}

# Every source names its licence first, after a shebang or a doctype.
while IFS= read -r file; do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || complain "$file: no SPDX line at its head"
done < <(files '*.c' '*.h' '*.js' '*.mjs' '*.css' '*.sh' '*.html' .ci/run)

# A longer file has more than one idea. But for one: pages import it alone, and its words are with
# it.
while IFS= read -r file; do
    [ "$file" != web/kit/status-words.js ] || continue
    lines=$(wc -l <"$file")
    [ "$lines" -le $FILE_LINES_MAX ] || complain "$file: $lines lines; $FILE_LINES_MAX is the most, split it by ideas"
done < <(files 'src/*.c' 'src/*.h' 'web/*')

# Nothing unfinished, nothing switched off.
while IFS= read -r match; do
    complain "$match: unfinished or switched off"
done < <(git grep -nIE '\b(TODO|FIXME|XXX)\b|^ *# *if 0\b' -- src web test scripts packaging Makefile ':!scripts/check-tree.sh' || true)
while IFS= read -r match; do
    complain "$match: a test is switched off"
done < <(git grep -nE '\b(it|test|describe|scenario)\.(skip|only|todo)\b|\b(only|todo): *true' -- test || true)

# Layers: includes go only downwards.
for ((above = 0; above < ${#LAYERS[@]}; above++)); do
    allowed=$(IFS='|'; echo "${LAYERS[*]:0:above+1}")
    while IFS= read -r match; do
        complain "$match: src/${LAYERS[above]} may include only ${allowed//|/, }"
    done < <(git grep -nE '^#include "[a-z]+/' -- "src/${LAYERS[above]}" | grep -vE "\"($allowed)/" || true)
done
# A private header belongs to its folder and to its tests.
while IFS=: read -r file line include; do
    folder=$(sed -E 's/.*"([a-z]+)\/.*/\1/' <<<"$include")
    case $file in
        src/"$folder"/* | test/*) ;;
        *) complain "$file:$line: $include is private to src/$folder" ;;
    esac
done < <(git grep -nE '^#include "[a-z]+/[a-z_0-9]+_priv\.h"' -- src test || true)

# A lock file with download addresses would bind everybody to one mirror.
while IFS= read -r file; do
    complain "$file: has download addresses; npm install --package-lock-only with this .npmrc writes it without"
done < <(git grep -lE '"resolved":|https?://[^"]+\.tgz' -- '*package-lock.json' || true)

# Text: LF, no blanks at line ends, a newline at the end of the file.
while IFS= read -r match; do
    complain "$match: a CR or blanks at the end of the line"
done < <(git grep -nIE '[[:blank:]]+$'$'|\r' -- ':!test/fuzz/corpus' ':!*.png' | cut -d: -f1,2 || true)
while IFS= read -r file; do
    [ ! -s "$file" ] || [ -z "$(tail -c 1 "$file")" ] || complain "$file: no newline at its end"
done < <(files ':!test/fuzz/corpus' ':!*.png' ':!*.gz')

# Links between documents lead somewhere.
while IFS= read -r file; do
    while IFS= read -r link; do
        [ -e "$(dirname "$file")/$link" ] || complain "$file: the link to $link leads nowhere"
    done < <(grep -oE '\]\([^)#: ]+(#[^) ]*)?\)' "$file" | sed -E 's/^\]\(//; s/(#.*)?\)$//' || true)
done < <(files '*.md')

# The version that is built is the one that is described.
grep -q "^## $(cat VERSION)\b" CHANGELOG.md || complain "CHANGELOG.md: nothing about version $(cat VERSION)"

scripts/check-source.sh || wrong=1

exit $wrong
