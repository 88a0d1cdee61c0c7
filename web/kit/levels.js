// SPDX-License-Identifier: MIT
// How bad a line is, by its text: fields of JSON and logfmt, the marks of particular tools, the
// status code of access logs, and the usual words near the line's beginning.
//
// Only what programs write as a level counts, not every "error" in a sentence, and no name in a
// path; "0 errors" is no error. A continuation (an indented line, a stack frame) has the level of
// the line before it. Only the first LINE_MAX characters are read, with patterns that cannot
// backtrack far. test/data/levels.json has lines of real tools.
import { stripAnsi } from './ansi.js';

/** @import { Level } from './live-log.js' */

// --- words ---------------------------------------------------------------------------------------
// The words and the numbers of levels.

/** @type {readonly Level[]} the worst first */
export const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];

/** @type {Record<Level, string>} */
const WORDS = {
    fatal: 'fatal critical crit panic emergency emerg alert ftl fata pani dpanic',
    error: 'error err severe failure eror erro fail failed',
    warn: 'warning warn wrn deprecated deprecation',
    info: 'info information informational notice inf note log system success inform',
    debug: 'debug dbg debu dbug fine config',
    trace: 'trace trce trac verbose vrb verb trc finer finest silly sill',
};

/** @type {Map<string, Level>} */
const WORD_LEVELS = new Map(
    LEVELS.flatMap((level) => WORDS[level].split(' ').map((word) => [word, level])),
);

/**
 * @param {string} word in any case
 * @returns {Level | ''}
 */
function levelOf(word) {
    const lower = word.toLowerCase();
    return lower.startsWith('fatal ') ? 'fatal' : (WORD_LEVELS.get(lower) ?? '');
}

/** @type {readonly Level[]} RFC 5424, section 6.2.1 */
const SYSLOG = ['fatal', 'fatal', 'fatal', 'error', 'warn', 'info', 'info', 'debug'];

/** @type {Readonly<Record<string, Level>>} of klog, glog, logcat, Ruby, MongoDB, apt */
const LETTERS = {
    V: 'trace',
    D: 'debug',
    N: 'info',
    I: 'info',
    W: 'warn',
    E: 'error',
    F: 'fatal',
    A: 'fatal',
    C: 'fatal',
};

// --- access logs ---------------------------------------------------------------------------------
// Access logs: the status code is the level. A 5xx is an error, a 4xx a warning; nothing else in
// such a line is a level, least of all its path.

/** @typedef {{ level: Level | '', before: string }} Access before: the text before the request */

/**
 * @param {number} code
 * @returns {Level | ''}
 */
function statusLevel(code) {
    return code >= 500 && code < 600 ? 'error' : code >= 400 && code < 500 ? 'warn' : '';
}

/**
 * @param {Level | ''} a
 * @param {Level | ''} b
 */
function worse(a, b) {
    if (!a || !b) return a || b;
    return LEVELS.indexOf(a) <= LEVELS.indexOf(b) ? a : b;
}

const METHODS =
    'GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PROPFIND|PROPPATCH|MKCOL|COPY|MOVE|' +
    'LOCK|UNLOCK|REPORT|PRI';
// Each gives the code. The request of the first two, and what is quoted after it, is in quotes.
/** @type {readonly RegExp[]} */
const FORMS = [
    // Common and combined, with or without a virtual host; also of nginx, Envoy, Traefik, uvicorn,
    // Django, Amazon S3: the request in quotes, and then the code.
    new RegExp(`"(?:${METHODS}) [^"]*"[\\s|]{1,3}"?(\\d{3})(?=[\\s"|]|$)`),
    // The same of a request that cannot be read: "-" 408, "\x16\x03\x01" 400.
    /^\S{1,100} \S{1,100} [^[]{1,100}\[[^\]]{10,40}\] "[^"]*" (\d{3}) /,
    // HAProxy: the code follows on five times.
    /\] \S{1,100} [^\s/]{1,100}\/\S{1,100} (?:[-+]?\d{1,10}\/){4}\+?\d{1,10} (\d{3}) /,
    // Amazon: application and classic load balancers, CloudFront.
    /^(?:https?|h2|grpcs|wss?) \d{4}-\S{1,40} \S{1,200} \S{1,60} \S{1,60} -?[\d.]+ -?[\d.]+ -?[\d.]+ (\d{3}) /,
    /^\d{4}-\d\d-\d\dT\S{1,30} \S{1,100} \S{1,60}:\d+ \S{1,60} -?[\d.]+ -?[\d.]+ -?[\d.]+ (\d{3}) /,
    new RegExp(`\\t(?:${METHODS})\\t\\S{1,300}\\t\\S+\\t(\\d{3})\\t`),
    // W3C extended, IIS: status, substatus, win32-status; the port before is followed by a name.
    new RegExp(
        `^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d .{0,200}?\\b(?:${METHODS}) /\\S* .*? ([1-5]\\d\\d) \\d{1,5} \\d`,
    ),
    // Squid, Gin, morgan (dev), Rails.
    /\bTCP_\w{1,40}\/(\d{3}) /,
    /^\[GIN\] .{1,60}\|\s{0,3}(\d{3}) \|/,
    new RegExp(
        `^(?:${METHODS}) \\S+ (?:HTTP/[\\d.]+ )?(\\d{3})(?: \\S{1,20} -)?(?: [\\d.]+ ms\\b|$)`,
    ),
    /\bCompleted (\d{3}) [A-Z]/,
    // Heroku's router and others in logfmt.
    /^(?=.{0,400}\bmethod=)(?=.{0,400}\bpath=).*?\bstatus=(\d{3})\b/,
];
const MAY_BE = new RegExp(`\\b(?:${METHODS})\\b|\\] "|TCP_|Completed `);
// What stands before the request is who asked, and no level.
const ASKED =
    /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F]{0,4}(?::[\da-fA-F]{0,4}){2,8})[\s:-]|^[^[]{1,300}\[\d{1,2}\/\w{3}\/\d{4}[: ]/;

/**
 * Null for a line that is none of an access log.
 * @param {string} line
 * @returns {Access | null}
 */
function accessLevel(line) {
    if (!MAY_BE.test(line)) return null;
    for (const form of FORMS) {
        const found = form.exec(line);
        if (!found) continue;
        const before = line.slice(0, found.index);
        return {
            level: statusLevel(Number(found[1])),
            before: ASKED.test(before) ? '' : before.slice(-200),
        };
    }
    // A request without its code: "Started GET "/error" for 127.0.0.1".
    return /^Started (?:GET|HEAD|POST|PUT|DELETE|PATCH) "/.test(line)
        ? { level: '', before: '' }
        : null;
}

// --- JSON ----------------------------------------------------------------------------------------
// The level of a line that is a JSON object: of its own members, not of those inside; where it has
// none, of the line that it wraps (Docker) or of the request that it tells of.

const NAMES_MAX = 500;

// In the order in which they are asked, in small letters without "_", "-", "@" and ".".
const LEVEL_KEYS = [
    'level',
    'severity',
    'lvl',
    'loglevel',
    'levelname',
    'severitytext',
    'l',
    's',
    'priority',
    'severitynumber',
    'levelvalue',
    'levelno',
];
const STATUS_KEYS = [
    'status',
    'statuscode',
    'responsecode',
    'downstreamstatus',
    'originstatus',
    'code',
];
// Where the status stands in an object of its own: Google Cloud, pino-http, Kubernetes.
const INNER = ['httprequest', 'res', 'response', 'responsestatus'];
const REQUEST_KEYS = new Set([
    'request',
    'method',
    'requestmethod',
    'httpmethod',
    'requesturi',
    'uri',
    'path',
    'requestpath',
    'httprequest',
    'url',
    'verb',
    'req',
]);
// Of a line that was cut, or that is very long.
const FIELD =
    /"(?:level|severity|lvl|log\.level|loglevel|levelname|@l|@level|priority)"\s{0,3}:\s{0,3}(?:"([A-Za-z]{2,14})"|(\d{1,5})\b)/i;

/**
 * @param {string} line begins with a brace
 * @param {(message: string) => Level | ''} messageLevel of a line inside this one
 * @returns {Level | ''}
 */
function jsonLevel(line, messageLevel) {
    const members = parse(line);
    if (!members) {
        const found = FIELD.exec(line);
        return found ? (found[1] ? levelOf(found[1]) : numberLevel(Number(found[2]), '')) : '';
    }
    const wrapped = members.get('log');
    if (typeof wrapped === 'string' && members.has('stream'))
        return messageLevel(wrapped.replace(/\n$/, ''));
    const own = ownLevel(members);
    for (const key of members.keys())
        if (REQUEST_KEYS.has(key)) return worse(own, requestLevel(members));
    const message = members.get('message') ?? members.get('msg') ?? wrapped;
    return own || typeof message !== 'string' ? own : messageLevel(message);
}

/**
 * The members of the object that the line is; null where it is none.
 * @param {string} line
 */
function parse(line) {
    try {
        return inside(JSON.parse(line));
    } catch {
        return null;
    }
}

/**
 * The members by their names as plainName() gives them.
 * @param {unknown} value
 * @returns {Map<string, unknown>}
 */
function inside(value) {
    const members = new Map();
    if (typeof value === 'object' && value !== null)
        for (const [key, one] of Object.entries(value)) members.set(plainName(key), one);
    return members;
}

/** @type {Map<string, string>} the same few names come in every line */
const plainNames = new Map();

/**
 * In small letters without punctuation.
 * @param {string} name
 */
function plainName(name) {
    const known = plainNames.get(name);
    if (known !== undefined) return known;
    if (plainNames.size >= NAMES_MAX) plainNames.clear();
    const plain = name
        .slice(0, 40)
        .replace(/[^A-Za-z\d]/g, '')
        .toLowerCase();
    plainNames.set(name, plain);
    return plain;
}

/**
 * @param {Map<string, unknown>} members
 * @returns {Level | ''}
 */
function ownLevel(members) {
    const { log } = Object.fromEntries(members);
    if (typeof log === 'object' && log !== null && 'level' in log && typeof log.level === 'string')
        return levelOf(log.level); // Elastic Common Schema
    for (const key of LEVEL_KEYS) {
        const value = members.get(key);
        const found =
            typeof value === 'number'
                ? numberLevel(value, key)
                : typeof value === 'string'
                  ? textLevel(value, key, members)
                  : '';
        if (found) return found;
    }
    return '';
}

/**
 * @param {string} value
 * @param {string} key
 * @param {Map<string, unknown>} members
 * @returns {Level | ''}
 */
function textLevel(value, key, members) {
    if (/^\d{1,5}$/.test(value)) return numberLevel(Number(value), key);
    // MongoDB: {"t":…,"s":"E","c":"NETWORK",…}
    if (key === 's') return members.has('c') ? (LETTERS[value[0]] ?? '') : '';
    if (/^[A-Z]$/.test(value)) return LETTERS[value] ?? '';
    return levelOf(/^[A-Za-z]*/.exec(stripAnsi(value))?.[0] ?? '');
}

/**
 * Numbers of syslog below eight, of pino and bunyan below a hundred; OpenTelemetry, Python and
 * logback have members of their own.
 * @param {number} n
 * @param {string} key
 * @returns {Level | ''}
 */
function numberLevel(n, key) {
    /** @type {[number, Level][]} the least number of each */
    const steps =
        key === 'severitynumber'
            ? [
                  [21, 'fatal'],
                  [17, 'error'],
                  [13, 'warn'],
                  [9, 'info'],
                  [5, 'debug'],
              ]
            : key === 'levelno'
              ? [
                    [50, 'fatal'],
                    [40, 'error'],
                    [30, 'warn'],
                    [20, 'info'],
                    [10, 'debug'],
                ]
              : n >= 1000
                ? [
                      [50_000, 'fatal'],
                      [40_000, 'error'],
                      [30_000, 'warn'],
                      [20_000, 'info'],
                      [10_000, 'debug'],
                  ]
                : [
                      [60, 'fatal'],
                      [50, 'error'],
                      [40, 'warn'],
                      [30, 'info'],
                      [20, 'debug'],
                  ];
    if (n < 8 && key !== 'severitynumber' && key !== 'levelno') return SYSLOG[n] ?? '';
    return steps.find(([least]) => n >= least)?.[1] ?? 'trace';
}

/**
 * @param {Map<string, unknown>} members
 * @returns {Level | ''}
 */
function requestLevel(members) {
    for (const name of ['', ...INNER]) {
        const one = name ? members.get(name) : members;
        if (typeof one !== 'object' || one === null) continue;
        const named = one instanceof Map ? one : inside(one);
        for (const key of STATUS_KEYS) {
            const status = named.get(key);
            if (typeof status === 'number' || typeof status === 'string')
                return statusLevel(Number(status));
        }
    }
    return '';
}

// --- tools ---------------------------------------------------------------------------------------
// Lines whose level is told by a mark of one tool's own: a letter, a number, a sign.

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
function toolLevel(head) {
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

// --- the whole -----------------------------------------------------------------------------------

const LINE_MAX = 16_384;
const JSON_MAX = 65_536; // a longer object is not parsed
const HEAD = 240; // where words are looked for

// Before the message of a container (CRI), of docker compose, of a syslog.
const CRI = /^\d{4}-\d\d-\d\dT\S{8,26} std(?:out|err) [FP] /;
const BEFORE_JSON =
    /^(?:[\w./-]{1,80}\s{0,40}\| |(?:<\d{1,3}>)?\w{3} [ \d]\d \d\d:\d\d:\d\d \S{1,80} [^:{]{1,80}: )(?=\{)/;

// Of tests and linters, and padded levels: no continuations, although they are indented.
const INDENTED =
    /^\s{1,12}(?=\d{1,7}:\d{1,7}\s{1,8}(?:error|warning)\s|(?:ERROR|WARN|WARNING|FATAL)\b|Warning {2,}|--- |[✕✖✗✘⨯❌●⚠✓✔√]|(?:not )?ok \d)/;
const CONTINUED = /^(?:\t| {2,}|\s*at |\s*\.\.\. \d+ |Caused by: )/;
const REMARK = /\b(?:DETAIL|HINT|STATEMENT|CONTEXT|QUERY): {2}/; // PostgreSQL's, on the line before

const LOGFMT = /(?:^|[\s,;])(?:level|lvl|severity|loglevel|at)=["']?([A-Za-z]{2,14})\b/i;

// Capitals need no frame: "2026-11-22 12:00:00 ERROR main …". Small letters do: "[warn]",
// "[core:error]", "(info)", "| debug |", tabs, or a colon: "error:", "error TS2304:",
// "error[E0308]:".
const NOT_ALONE = new Set(['FINE', 'CONFIG', 'NOTE', 'LOG']);
const CAPITALS = [...WORD_LEVELS.keys()]
    .map((word) => word.toUpperCase())
    .filter((word) => !NOT_ALONE.has(word))
    .sort((a, b) => b.length - a.length)
    .join('|');
const WORD = new RegExp(
    `(?:^|[\\s[(|<:;,"'=.])(${CAPITALS})(?=$|[\\s\\]\\[)|>:;,!/"'-])` +
        `|[[(<|\\t]\\s{0,4}(?:[a-z_\\d]{1,30}:|[A-Za-z][\\w #.-]{0,40}/)?([A-Za-z]{3,13})[1-8]?(?=\\s{0,4}[\\])>|\\t])` +
        `|(?:^|[\\s:\\])])((?:[Ff]atal )?[A-Za-z]{3,13})` +
        `(?: [A-Z]{1,7}\\d{1,6}| ?\\[[\\w-]{1,30}\\])?\\d? ?(?=:(?:\\s|$))`,
    'g',
);
// "no error", "0 errors", "errors: 0"
const NONE_BEFORE = /(?:^|\W)(?:0|no|without|any)\s$/i;
const NONE_AFTER = /^\s{0,3}[:=]?\s{0,3}0(?:[\s,;)]|$)/;

const WARNING = /^(?:.{0,80}[\s:.])?[A-Z]\w{0,60}Warning: /;
const FAILURE =
    /^(?:Traceback \(most recent call last\)|Unhandled |Uncaught |Exception in thread |[\w.$:-]{0,120}(?:Error|Exception)(?::|$| \())/;
const PANIC = /^(?:panic|fatal error|thread '[^']{0,80}'(?: \(\d{1,12}\))? panicked)\b/;
const FAILED_TO = /(?:^|: |\] )Failed (?:to|with) /;
// What a run of tests or a compiler says at its end.
const COUNTS =
    /(?:^|[\s(:,;])(?:[1-9]\d{0,8} (?:failed|failing|failures?|errors?|(warnings?))\b|(?:[Ee]rrors|[Ff]ailures): [1-9])/;

/**
 * @param {string} text the whole line
 * @param {Level | ''} [before] the level of the same topic's previous line
 * @returns {Level | ''}
 */
export function detectLevel(text, before = '') {
    if (text.startsWith('{')) {
        const isLong = text.length > JSON_MAX;
        const ends = isLong ? text.slice(0, LINE_MAX) + text.slice(-LINE_MAX) : text;
        return jsonLevel(ends, messageLevel);
    }
    let line = text.length > LINE_MAX ? text.slice(0, LINE_MAX) : text;
    if (line.includes('\x1b')) line = stripAnsi(line);
    const container = CRI.exec(line);
    if (container) return detectLevel(line.slice(container[0].length), before);
    const prefix = BEFORE_JSON.exec(line);
    if (prefix) {
        const found = jsonLevel(line.slice(prefix[0].length), messageLevel);
        if (found) return found;
    }
    const indented = INDENTED.exec(line);
    if (indented) return headLevel(line.slice(indented[0].length, HEAD));
    if (CONTINUED.test(line) || (line.includes(':  ') && REMARK.test(line.slice(0, HEAD))))
        return before;
    const access = accessLevel(line);
    if (access) return worse(access.level, access.before ? headLevel(access.before) : '');
    return headLevel(line.slice(0, HEAD));
}

// Of a line that was inside another one.
const messageLevel = (/** @type {string} */ message) => detectLevel(message);

/**
 * @param {string} head
 * @returns {Level | ''}
 */
function headLevel(head) {
    return toolLevel(head) ?? (logfmtLevel(head) || wordLevel(head) || failureLevel(head));
}

/** @param {string} head */
function logfmtLevel(head) {
    if (!head.includes('=')) return '';
    // A quoted text of several words says nothing about the line's own level.
    const found = LOGFMT.exec(
        head.replace(/"[^"]*(?:"|$)/g, (text) => (/[\s=]/.test(text) ? '""' : text)),
    );
    return found ? levelOf(found[1]) : '';
}

/**
 * The first word of a level.
 * @param {string} head
 * @returns {Level | ''}
 */
function wordLevel(head) {
    for (const found of head.matchAll(WORD)) {
        const level = levelOf(found[1] ?? found[2] ?? found[3]);
        if (!level) continue;
        const end = found.index + found[0].length;
        const before = head.slice(Math.max(0, found.index - 8), found.index + 1);
        if (!NONE_BEFORE.test(before) && !NONE_AFTER.test(head.slice(end, end + 12))) return level;
    }
    return '';
}

/**
 * @param {string} head
 * @returns {Level | ''}
 */
function failureLevel(head) {
    if (PANIC.test(head)) return 'fatal';
    if (FAILURE.test(head) || FAILED_TO.test(head)) return 'error';
    if (WARNING.test(head)) return 'warn';
    const counts = COUNTS.exec(head);
    return counts ? (counts[1] ? 'warn' : 'error') : '';
}
