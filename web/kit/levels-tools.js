// SPDX-License-Identifier: MIT
// Lines whose level is told by a mark of one tool's own: a letter, a number, a sign.
import { LETTERS, levelOf, SYSLOG } from './levels-words.js';

/** @import { Level } from './live-log.js' */

/** @param {string} letter */
const letter = (letter) => LETTERS[letter] ?? '';
/** @param {string} number */
const syslog = (number) => SYSLOG[Number(number) & 7];
const error = () => /** @type {const} */ ('error');
const warn = () => /** @type {const} */ ('warn');
const fatal = () => /** @type {const} */ ('fatal');
const info = () => /** @type {const} */ ('info');
const nothing = () => /** @type {const} */ ('');

/** @type {Readonly<Record<string, Level>>} */
const REDIS = { '.': 'debug', '-': 'debug', '*': 'info', '#': 'warn' };
/** @type {Readonly<Record<string, Level>>} */
const XORG = { EE: 'error', WW: 'warn', II: 'info', DB: 'debug', NI: 'info' };
/** @type {Readonly<Record<string, Level>>} */
const NPM = { 'err!': 'error', http: 'info', timing: 'trace', verb: 'trace', sill: 'trace' };
/** @type {Readonly<Record<string, Level>>} */
const APPLE = { default: 'info', activity: 'info', fault: 'fatal' };

/**
 * The first that matches decides; its first group is what the level is told by. start: the
 * characters that such a line begins with; empty: it may be anywhere.
 * @typedef {[start: string, pattern: RegExp, level: (mark: string) => Level | '']} Tool
 */

const DIGITS = '0123456789';

/** @type {readonly Tool[]} */
const TOOLS = [
    // syslog (RFC 5424) and systemd's standard error; journald's fields; Cisco's.
    ['<', /^<(\d{1,2}|1[0-8]\d|190|191)>/, syslog],
    ['P', /^PRIORITY=([0-7])$/, syslog],
    ['', /%[A-Z\d_]{2,30}(?:-[A-Z\d_]{1,30}){0,2}-([0-7])-[A-Z\d_]{2,30}:/, syslog],
    // dmesg -x, and what the kernel says at its worst.
    [
        'acdfklmnsu',
        /^(?:kern|user|mail|daemon|auth|authpriv|syslog|lpr|news|uucp|cron|ftp|local\d)\s{0,4}:(\w{3,6})\s{0,4}: \[/,
        levelOf,
    ],
    ['', /\bKernel panic - not syncing\b/, fatal],
    [
        '',
        /\b(?:BUG|Oops): |\bOut of memory: Kill|\bsegfault at |\bSegmentation fault\b|\bI\/O error\b|-fs error\b/,
        error,
    ],
    // klog, glog; logcat (threadtime, brief, time); Ruby; MongoDB before 4.4; apt; Kotlin.
    ['IWEFD', /^([IWEFD])(?:\d{4}|\d{8}) \d\d:\d\d/, letter],
    [DIGITS, /^\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\s{1,6}\d{1,7}\s{1,6}\d{1,7} ([VDIWEFA]) /, letter],
    [
        `VDIWEFA${DIGITS}`,
        /^(?:\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} )?([VDIWEFA])\/[^(]{1,80}\(\s{0,6}\d{1,7}\):/,
        letter,
    ],
    ['DIWEFA', /^([DIWEFA]), \[\d{4}-/, letter],
    [DIGITS, /^\d{4}-\S{10,30} ([FEWID])\d? {1,2}[A-Z_-]{1,12} {1,10}\[/, letter],
    ['EWN', /^([EWN]): \S/, letter],
    ['ewi', /^([ewi]): (?:file:|\/)/, (mark) => letter(mark.toUpperCase())],
    // Redis; the X server; GLib; logrus on a terminal; Apple's unified log.
    [DIGITS, /^\d{1,8}:[XCSM] \d.{10,30}? ([.*#-]) /, (mark) => REDIS[mark]],
    ['[', /^\[\d{1,8}\] \d{1,2} \w{3} \d\d:\d\d:\d\d(?:\.\d{3})? ([.*#-]) /, (mark) => REDIS[mark]],
    ['[(', /^(?:\[[\d. ]{1,20}\] )?\((EE|WW|II|DB|NI)\) /, (mark) => XORG[mark]],
    ['', /-(WARNING|CRITICAL|ERROR|Message|DEBUG|INFO) \*\*/, (mark) => levelOf(mark) || 'info'],
    ['TDIWEFP', /^(TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)\[\d{4,10}\]/, levelOf],
    [
        DIGITS,
        /^\d{4}-\d\d-\d\d \S{8,24}\s{1,6}0x[\da-f]{1,12}\s{1,6}(Default|Info|Debug|Error|Fault|Activity)\b/,
        (mark) => APPLE[mark.toLowerCase()] ?? levelOf(mark),
    ],
    // Erlang's reports; PostgreSQL's continuations are handled as words (LOG, STATEMENT).
    ['=', /^=(?:CRASH|SUPERVISOR) REPORT=/, error],
    ['=', /^=PROGRESS REPORT=/, info],
    // PHP.
    ['', /\bPHP (?:Fatal|Parse|Recoverable fatal|Core|Compile) error: /, fatal],
    ['', /\bPHP (Warning|Notice|Deprecated|Strict Standards): /, (mark) => levelOf(mark) || 'info'],
    // Annotations of CI: GitHub, Azure, TeamCity.
    [`:${DIGITS}`, /^(?:\S{20,40} )?::(error|warning|notice|debug)(?:::| )/, levelOf],
    [`#${DIGITS}`, /^(?:\S{20,40} )?##\[(error|warning|debug|info|notice)\]/, levelOf],
    [
        `#${DIGITS}`,
        /^(?:\S{20,40} )?##vso\[task\.logissue [^\]]{0,80}?type=(error|warning)/,
        levelOf,
    ],
    ['#', /^##teamcity\[.{0,200}?status='(ERROR|FAILURE|WARNING|NORMAL)'/, levelOf],
    // npm, yarn; make, CMake, ninja; dpkg; curl.
    [
        'n',
        /^npm (ERR!|error|WARN|warn|notice|info|verb|sill|http|timing|verbose|silly)(?: |$)/,
        (mark) => NPM[mark.toLowerCase()] ?? levelOf(mark),
    ],
    ['ewiv', /^(error|warning|info|verbose) (?=[A-Z"'])/, levelOf],
    ['mg/', /^(?:\S{0,40}make)(?:\[\d{1,3}\])?: .{0,160}Error \d{1,3} \(ignored\)/, warn],
    ['mg/', /^(?:\S{0,40}make)(?:\[\d{1,3}\])?: \*\*\* /, error],
    ['C', /^CMake (?:Deprecation )?(Error|Warning)\b/, levelOf],
    ['F', /^FAILED: /, error],
    ['', /^dpkg: error\b|^curl: \(\d{1,3}\)|\bORA-\d{5}:/, error],
    ['', /: undefined reference to |\bld: cannot find |\(core dumped\)$/, error],
    ['K', /^Killed$/, error],
    // A level in small letters after the time; alone; Next.js; R.
    [
        DIGITS,
        /^\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d\S{0,14}\s{1,4}(trace|debug|info|notice|warn|warning|error|fatal|critical|panic)\s/,
        levelOf,
    ],
    ['eEwWfF', /^(error|warning|fatal)$/i, levelOf],
    ['ewi', /^(error|warn|info)\s{1,2}- /, levelOf],
    ['EW', /^(Error|Warning)(?: in \S|(?: message)s?:)/, levelOf],
    // Tests: TAP, go, pytest, jest, mocha, cargo, node.
    ['nN', /^not ok \d{1,6}\b(?!.{0,200} # [ST])/i, error],
    ['o', /^ok \d{1,6}\b/, nothing],
    ['#', /^# (?:fail|cancelled) [1-9]/, error],
    ['-', /^--- FAIL: /, error],
    ['-', /^--- (?:PASS|SKIP): /, nothing],
    ['E', /^E {3,12}\S/, error],
    ['t', /^test .{1,160} \.\.\. (?:ok|ignored)$/, nothing],
    ['✕✖✗✘⨯❌●', /^[✕✖✗✘⨯❌●]\s/u, error],
    ['✓✔√', /^[✓✔√]\s/u, nothing],
    ['⚠', /^⚠/u, warn],
    [DIGITS, /^\d{1,7}:\d{1,7}\s{1,8}(error|warning)\s/, levelOf], // eslint
    ['FE', /^(?:FAILURES|ERRORS)!/, error],
    // systemd; Ansible's recap.
    ['', /\bstatus=[1-9]\d{0,2}\/[A-Z]/, error],
    ['', /\bok=\d{1,6}\s.{0,80}\b(?:failed|unreachable)=[1-9]/, error],
    ['', /\bok=\d{1,6}\s.{0,80}\bfailed=0\b/, nothing],
    // Events of Kubernetes; java.util.logging.
    [
        `WN${DIGITS}`,
        /^(?:\d\S{0,8} {1,12})?(Warning|Normal) {2,12}[A-Z]\w{2,40} /,
        (mark) => (mark === 'Normal' ? '' : 'warn'),
    ],
    ['FC', /^(FINE|FINER|FINEST|CONFIG): /, levelOf],
];

// Hundreds of thousands of lines are looked at: only what may match is tried.
const ANYWHERE = TOOLS.filter(([start]) => start === '');
const MAY_BE_ANYWHERE =
    /%[A-Z]|panic|BUG|Oops|Kill|segfault|Segmentation|I\/O|-fs error|core dumped|undefined ref|ld: |\*\*|PHP |ORA-|^dpkg|^curl|status=|ok=/;
/** @type {Map<string, Tool[]>} */
const BY_START = new Map();
for (const tool of TOOLS)
    for (const start of tool[0]) BY_START.set(start, [...(BY_START.get(start) ?? []), tool]);

/**
 * Undefined where no mark is known; an empty level where it says that there is none.
 * @param {string} head the beginning of a line
 * @returns {Level | '' | undefined}
 */
export function toolLevel(head) {
    const level = firstLevel(BY_START.get(head[0]), head);
    return level ?? (MAY_BE_ANYWHERE.test(head) ? firstLevel(ANYWHERE, head) : undefined);
}

/**
 * @param {readonly Tool[] | undefined} tools
 * @param {string} head
 */
function firstLevel(tools, head) {
    for (const [, pattern, levelOfMark] of tools ?? []) {
        const found = pattern.exec(head);
        if (found) return levelOfMark(found[1] ?? '');
    }
    return undefined;
}
