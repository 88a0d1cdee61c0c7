// SPDX-License-Identifier: MIT
// What a status says: the word in it, what people usually mean by that word (its kind), and what
// goes with it.
//
// A publisher sends a bare word ("running"), a word and a detail ("down: no route to host"), or a
// JSON object:
//
//   { "state": "degraded", "value": "97.2 %", "message": "one of three is away",
//     "level": "warn", "ttl": "90s" }
//
// state (or status, word) is the word; value and message (or detail, text) are shown beside it, or
// which of its members decides.
// level, when given, decides the kind in place of the word. ttl is how long this status is worth
// something when nothing newer comes.
//
// The kind is that of the worst word in all of it (below); what is not
// understood is "other".
import { parseDuration } from './status-time.js';

/** @import { Class, Kind, Status } from './live-status.js' */

// --- vocabulary ----------------------------------------------------------------------------------
// The words that tools and people use for a state, by what they mean. Small letters, words apart
// by blanks: CrashLoopBackOff and CRASH_LOOP_BACK_OFF are both "crash loop back off".
//
// Where the words come from stands beside the examples in test/data/status-words.json: the manuals
// of Docker, Kubernetes, systemd, supervisor, pm2, GitHub, GitLab, CircleCI, Azure, AWS, Google,
// Statuspage, Nagios, Prometheus, ZFS, md, and others.

/**
 * What one phrase means. health: a thing is well now. progress: a piece of work has come to its
 * good end. running: busy, but so is a service that is well. weak: counts only where nothing else
 * is said. event: over when it is said to be resolved. An empty kind says nothing, but a free one
 * that there is nothing bad.
 * @typedef {{ kind: Kind | '', health?: boolean, progress?: boolean, running?: boolean,
 *     weak?: boolean, event?: boolean, free?: boolean }} Meaning
 */

/** @param {string} text phrases between commas */
const list = (text) => text.split(',').map((phrase) => phrase.trim().replace(/\s+/g, ' '));

const HEALTHY =
    list(`healthy, up, live, online, ready, available, alive, reachable, passing, active,
    operational, serving, connected, responding, responsive, optimal, nominal, onln, optl,
    accepting connections, operating normally, active running, active listening, active waiting`);

const PROGRESS = list(`done, complete, completed, finished, deployed, applied, synced, synchronized,
    saved, merged, restored, up to date, uptodate`);

const WELL =
    list(`ok, okay, success, successful, successfully, succeeded, pass, passes, passed, good,
    fine, green, normal, normally, stable, clean, valid, verified, renewed, in sync, insync,
    consistent, fixed, resolved, recovered, cleared, approved, streaming, established, works, all clear, active exited,
    terminating with success status, white check mark, check mark, green circle`);

const BAD =
    list(`fail, fails, failed, failing, failure, failures, error, errors, errored, err, errs,
    down, critical, crit, fatal, red, offline, dead, broken, crash, crashed, crashes, crashing,
    aborted, abort, timeout, timeouts, timed out, timedout, rejected, rejecting connections,
    unreachable, unreach, outage, outages, alarm, alarms, alert, alerts, alerting, emergency, emerg,
    lost, loss, bad, unhealthy, unavailable, unavail, unresponsive, exception, exceptions, panic,
    panicked, killed, oom, out of memory, out of service, out of space, running out, disconnected,
    corrupt, corrupted, corruption, faulted, faulty, fault, faults, denied, refused, forbidden,
    unauthorized, invalid, expired, violated, violation, breach, breached, missing, evicted, firing,
    disaster, severe, unsuccessful, incident, incidents, disrupted, disruption, crash loop back off,
    image pull back off, back off pulling image, node lost, deadline exceeded, incompatible, unable,
    could not, can not, cannot, ca not, wo not, not found, not responding, not reachable,
    not connected, not ok, not ready, not running, not working, not work, no response, no answer,
    no reply, no route, no space, no such, no connection, no heartbeat, no quorum, no contact,
    disk full, storage full, hung, stuck, deadlock, deadlocked, segfault, segmentation fault,
    stopped working, stopped responding, gave up, giving up, infrastructure fail, offln, of ln, at risk, declined, disapproved, zombie, defunct, nok, ko, not start,
    compromised, undeliverable, unusable, impaired, inoperative, missed, overdue, past due,
    split brain, red circle, rotating light, fehler, fehlgeschlagen, gescheitert, erreur, échec, echec,
    échoué, fallo, falló, fallido, erro, falha, falhou, errore, fallito, fout, mislukt, fejl, fejlet,
    misslyckades, feil, błąd, hiba, virhe, hata`);

const WARN = list(`warning, warnings, warn, degraded, degrading, degradation, slow, yellow, amber,
    orange, retry, retrying, retries, unstable, stale, partial, partially, partly, back off, backoff,
    pressure, expiring, expires soon, throttled, throttling, overloaded, overload, saturated, limited,
    impacted, delayed, late, lagging, behind, running low, low battery, low disk, low memory,
    running late, flapping, flaky, attention, caution, issue, issues, problem, problems, incomplete,
    out of sync, drifted, action required, on battery, no data, nodata, insufficient data, rollback,
    rolling back, rolled back, failed over, failover, auto restart, investigating, identified,
    suboptimal, dgrd, pdgd, unsynced, unsynchronized, unverified, unresolved, quarantined, except,
    excluding, suspect, abnormal, unusual, anomaly, tainted, scheduling disabled, unschedulable, nolb,
    reboot required, restart required, outdated, misconfigured, mismatch, deprecated`);

const BUSY =
    list(`started, starting, building, deploying, working, busy, syncing, resync, resyncing,
    processing, in progress, inprogress, progressing, executing, updating, upgrading, uploading,
    downloading, loading, reloading, restarting, recovering, migrating, activating, deactivating,
    reactivating, terminating, stopping, shutting down, scaling, provisioning, creating, initializing,
    initialising, preparing, configuring, installing, uninstalling, rebuilding, rbld, repairing,
    scrubbing, resilvering, reshaping, verifying, validating, draining, drain, connecting,
    reconnecting, negotiating, removing, removal, deleting, cancelling, canceling, backing up,
    restoring, replicating, catching up, catchup, rolling out, warming up, coming up, starting up,
    booting, indexing, compiling, launching, suspending, resuming, copying, fetching, pulling, pushing,
    spinning up, going up, modifying, rebooting`);

const WAIT = list(`queued, pending, waiting, scheduled, paused, on hold, blocked, idle, requested,
    postponed, deferred, standby, not started, not yet, not yet started, not yet running, awaiting, needs approval, approval required,
    up for retry, up for reschedule, planned, upcoming, unassigned, suspended, sleeping, up next,
    ready soon, available soon, up soon`);

// Understood, and neither well nor ill: with one of these nothing is good.
const NEUTRAL =
    list(`cancelled, canceled, stopped, skipped, disabled, unknown, unkn, maintenance, maint,
    neutral, inactive, inactive dead, superseded, terminated, exited, shut down, shutdown, shut off,
    shutoff, powered off, switched off, turned off, not built, not run, not required, not needed,
    not applicable, not initialized, not installed, not configured, not enabled, not monitored,
    not tested, not scheduled, notapplicable, masked, suppressed, discarded, decommissioned,
    undetermined, unsure, update available, updates available, upgrade available, upgrades available`);

const WEAK_WAIT = list('new, created, accepted, submitted, queue, hold, manual');
const WEAK_BUSY = list(
    'run, start, progress, refreshing, init, staging, testing, monitoring, checking, scanning',
);

// Parts of names and of sentences.
const IGNORED = list(`error rate, error rates, error budget, error log, error logs, error page,
    error reporting, error handling, failure rate, failure mode, failure domain, fail safe,
    dead letter, dead letters, crash report, critical path, critical section, alert manager,
    alert rules, retry policy, retry after, restart policy, up to, up till, down to, clean up,
    cleaned up, cleaning up, set up, setting up, sign up, look up, follow up, back up, backed up,
    start up, warm up, build up, scale up, scaled up, scaled down, speed up, pick up, make up, tear down,
    cool down, count down, success rate, pass rate, success threshold, drill down, break down, wait time, read only, lost and found, pre fail,
    no updates, no update, no changes, no change, no action, no further action, no action required,
    no new, no more, no pending, no jobs, no tasks, no work, no upgrades, no reboot, no restart,
    no backlog, no downtime, no maintenance, low load, low latency, slow log, one off`);
const FREE_OF = list('error free, free of errors, free of error');

/** @type {Map<string, Meaning>} */
const MEANINGS = new Map();

/**
 * @param {string[]} phrases
 * @param {Meaning} meaning
 */
function put(phrases, meaning) {
    for (const phrase of phrases) MEANINGS.set(phrase, meaning);
}

put(HEALTHY, { kind: 'good', health: true });
put(PROGRESS, { kind: 'good', progress: true });
put(WELL, { kind: 'good' });
put(NEUTRAL, { kind: 'other' });
put(WEAK_WAIT, { kind: 'wait', weak: true });
put(WEAK_BUSY, { kind: 'busy', weak: true });
put(WAIT, { kind: 'wait' });
put(BUSY, { kind: 'busy' });
put(['running'], { kind: 'busy', running: true });
put(WARN, { kind: 'warn' });
put(BAD, { kind: 'bad' });
put(list('incident, alert, alarm, outage'), { kind: 'bad', event: true });
put(list('problem, issue'), { kind: 'warn', event: true });
put(IGNORED, { kind: '' });
put(FREE_OF, { kind: '', free: true });

const RESOLVED = new Set(list('resolved, cleared, fixed, recovered, restored'));

const PHRASE_WORDS_MAX = Math.max(...[...MEANINGS.keys()].map((p) => p.split(' ').length));

/**
 * @param {string} phrase in small letters
 * @returns {Meaning | undefined}
 */
const meaningOf = (phrase) => MEANINGS.get(phrase);

// What turns the next word that is known into its opposite; also other languages', so that "nicht
// ok" is not green.
const NEGATIONS = new Set(
    list(`not, no, never, without, non, un, nor, neither, nothing, none, nobody, isnt, arent, wasnt,
    doesnt, didnt,
    hasnt, dont, hardly, zero, nicht, kein, keine, keinen, nie, ohne, pas, jamais, sans, aucun, aucune,
    nunca, sin, não, nao, sem, niet, geen, ikke, inte, ej, nem, ne, není, neni, nu, fără,
    değil, degil, ei, nincs, nav, nėra, ekki,
    không, khong, tidak, bukan`),
);

// They make a good word doubtful.
const DOUBTS = new Set(
    list(`but, although, though, however, only, almost, nearly, barely, unless, if, would, should,
    could, may, might, maybe, perhaps, probably, supposed, supposedly, apparently, allegedly, will,
    some, mostly, somewhat, formerly, previously, aber, nur, mais, presque, pero, casi, mas, quase,
    maar, bijna, men`),
);

// As a value they deny what is before them: "ready: false".
const FALSE_WORDS = new Set(list('false, no, none, null, nil, off, never, not'));

// A number beside one of these says how many. Beside others it is something else, as in "Error 0".
const COUNTED = new Set(
    list(`failed, failing, fail, fails, failures, failure, errors, errored, down, unhealthy, warnings, lost, loss,
    crashed, dead, unreachable, degraded, offline, broken, missing, rejected, outages, incidents,
    issues, problems, alerts, timeouts, exceptions, faults, aborted, retries, crashes, alarms, expired,
    unavailable, killed, evicted, stale, firing, overdue, denied, behind`),
);

/** @type {Map<string, Kind>} */
const SIGNS = new Map();
for (const [kind, signs] of Object.entries({
    good: '✅✔✓☑🟢🟩👍💚🎉🥳🆗👌🙂😀😊💯',
    bad: '❌✖✗✘❎🔴🛑🚨💥🔥☠💀⛔🚫❗‼👎🆘💔😱😡🟥',
    warn: '⚠🟡🟠🔶🔸🟧🟨💛🧡🚧😟😐🐌⁉',
    busy: '🔄🔃🔁🏃▶🔵⚙🛠🔧🔨🚀♻⏩🌀',
    wait: '⏳⌛⏸💤🕐🕑🕒🕓🕔🕕🕖🕗🕘🕙🕚🕛⏰⏱⏲😴',
    other: '⚪⚫🔘❔❓⏹⏭🤷🔇🔕🟣🟤⬜⬛',
}))
    for (const sign of signs) SIGNS.set(sign, /** @type {Kind} */ (kind));

// --- codes ---------------------------------------------------------------------------------------
// Codes and marks in a status that say how something is: of HTTP, of processes that have ended, of
// a RAID, of check_mk.

/**
 * The kind of an HTTP status code. A redirect is not understood: it may lead to a page that asks
 * for a password.
 * @param {number} code
 * @returns {Kind}
 */
function httpKind(code) {
    return code >= 200 && code < 300 ? 'good' : code >= 400 ? 'bad' : 'other';
}

// RFC 9110, section 15, and what goes with it.
const REASONS =
    'ok|created|accepted|no content|partial content|moved permanently|found|see other|not modified|' +
    'bad request|unauthorized|payment required|forbidden|not found|method not allowed|' +
    'not acceptable|request timeout|conflict|gone|too many requests|internal server error|' +
    'not implemented|bad gateway|service unavailable|gateway timeout';

/** @param {string} code */
const http = (code) => httpKind(Number(code));

/** @param {string} code */
const exit = (code) => (Number(code) === 0 ? 'good' : 'bad');

/** @type {[RegExp, (code: string) => Kind][]} */
const CODES = [
    [
        /\bHTTP(?:S|\/\d(?:\.\d)?)?[\s:=]{0,3}(?:(?:status|code|response)[\s:=]{0,3}){0,2}([1-5]\d\d)\b(?:\s+OK\b)?/gi,
        http,
    ],
    [/\b(?:status|response)(?:[ _-]?code)?[\s:=]{1,3}([1-5]\d\d)\b(?!\/)/gi, http],
    [new RegExp(`\\b([1-5]\\d\\d) (?:${REASONS})\\b`, 'gi'), http],
    // A container that has ended well: a job that is done, or a service that is gone.
    [/\bExited \((\d{1,3})\)/gi, (code) => (Number(code) === 0 ? 'other' : 'bad')],
    [/\b(?:code=exited, )?status=(\d{1,3})\/[A-Z]\w*/g, exit], // systemd
    [
        /\b(?:exit(?:ed)?|return(?:ed)?)(?:[ _-](?:with|code|status|value)){0,3}[\s:=]{1,3}(-?\d{1,10})\b/gi,
        exit,
    ],
    [/\b(?:rc|exitcode|returncode|errno)[\s:=]{1,3}(-?\d{1,10})\b|\(code:? (\d{1,3})\)/gi, exit],
    [/\[([U_]{2,32})\]/g, (disks) => (disks.includes('_') ? 'warn' : 'good')], // md
    [/\((!!?)\)/g, (marks) => (marks === '!!' ? 'bad' : 'warn')], // check_mk
    [/:(?:x|no_entry|boom|skull|fire|bangbang|exclamation|sos|red_square):/g, () => 'bad'],
];

/**
 * Tells the kind of each code in the text, and returns the text without them.
 * @param {string} text
 * @param {(kind: Kind) => void} tell
 */
function takeCodes(text, tell) {
    for (const [pattern, kindOf] of CODES) {
        text = text.replace(pattern, (_, ...groups) => {
            tell(kindOf(groups.find((group) => typeof group === 'string') ?? ''));
            return ' , ';
        });
    }
    return text;
}

// --- text ----------------------------------------------------------------------------------------
// What a text says about how something is. The worst word decides; what is not understood is never
// good.
//
//   Up 3 minutes (unhealthy)   bad: the worst word, wherever it stands
//   not ready, ready: false    bad: a good word that is denied
//   0 failed, no errors        good: none of a bad thing
//   5/6 healthy, 0/3 ready     warn, bad: not all of a good thing
//   web: purple, almost ok     other: nothing that is understood, or something in doubt
//
// At most TEXT_MAX characters are read, in time that grows with their number only.

const TEXT_MAX = 4000;
const REACH = 3; // words between a word and its negation, its number or its share

/** @type {readonly Kind[]} */
const WORST_FIRST = ['bad', 'warn', 'busy', 'wait', 'other', 'good'];

// What has been found so far, and what follows from all of it.
class Findings {
    /** @type {Set<Kind>} */
    #strong = new Set();
    /** @type {Set<Kind>} */
    #weak = new Set();
    #doubt = false;
    #isRunning = false; // "running" was said
    #isHealthy = false; // and so was that a running thing is well
    at = ''; // where what is read stands, of several texts
    why = ''; // where the worst stands
    #worst = WORST_FIRST.length;

    get kind() {
        const found = new Set(this.#strong);
        if (this.#isRunning && !this.#isHealthy) found.add('busy');
        const worst = WORST_FIRST.find((kind) => found.has(kind));
        if (worst && worst !== 'good') return worst;
        if (this.#doubt) return 'other';
        return worst ?? WORST_FIRST.find((kind) => this.#weak.has(kind)) ?? 'other';
    }

    get isEmpty() {
        return !this.#strong.size && !this.#weak.size && !this.#isRunning;
    }

    /**
     * @param {Kind} kind
     * @param {Partial<Meaning>} [meaning]
     */
    add(kind, { health = false, running = false, weak = false } = {}) {
        if (running) this.#isRunning = true;
        else (weak ? this.#weak : this.#strong).add(kind);
        if (kind === 'good' && health) this.#isHealthy = true;
        if (weak || WORST_FIRST.indexOf(kind) >= this.#worst) return;
        this.#worst = WORST_FIRST.indexOf(kind);
        this.why = this.at;
    }

    // Something was said that makes good words doubtful.
    doubt() {
        this.#doubt = true;
    }
}

/**
 * @param {string} text
 * @returns {Kind}
 */
function textKind(text) {
    const findings = new Findings();
    readText(text, findings);
    return findings.kind;
}

/**
 * Adds what the text says to what was found.
 * @param {string} text
 * @param {Findings} findings
 */
function readText(text, findings) {
    const rest = takeCodes(text.slice(0, TEXT_MAX), (kind) => findings.add(kind));
    const all = tokens(normalized(rest));
    /** @type {Kind[]} */
    const events = [];
    for (let at = 0; at < all.length;) {
        const token = all[at];
        const sign = token.type === 'mark' ? SIGNS.get(token.text) : undefined;
        if (sign) findings.add(sign);
        if (token.text === '?') findings.doubt();
        if (token.type !== 'word' || token.used) {
            at++;
            continue;
        }
        const [meaning, length] = phraseAt(all, at);
        if (meaning) judge(all, at, length, meaning, findings, events);
        else if (DOUBTS.has(token.text) || isForeign(token.text)) findings.doubt();
        at += length;
    }
    if (!all.some(({ text: word, denied }) => !denied && RESOLVED.has(word)))
        for (const kind of events) findings.add(kind);
    if (all.some((token) => !token.used && NEGATIONS.has(token.text))) findings.doubt();
}

// Letters that no word of the vocabulary has.
const isForeign = (/** @type {string} */ word) => /[^\p{Script=Latin}\p{M}'’]/u.test(word);

// Names are no words: addresses, paths, files, hosts, and everything with a digit in it.
const ADDRESS = /\b[a-z][a-z\d+.-]{0,20}:\/\/\S*/gi;
const PATH = /(?<=^|[\s"'(=])~?\/[\w.@-]+(?:\/[\w.@-]*)*/g;
const DOTTED = /(?<![\p{L}\d_.-])\p{L}[\p{L}\d_-]*(?:\.[\p{L}\d_-]+)+/gu;
const NUMBERED = /(?<![\p{L}\d_-])\p{L}[\p{L}_-]*\d[\p{L}\d_-]*/gu;
const EXCEPTION = /(?:error|exception|failure)$/i;

/** @param {string} text */
function normalized(text) {
    return text
        .replace(ADDRESS, ' ')
        .replace(/\bn\/a\b/gi, ' notapplicable ')
        .replace(PATH, ' ')
        .replace(DOTTED, (name) => (EXCEPTION.test(name) ? ' error ' : ' '))
        .replace(NUMBERED, ' ')
        .replace(/\b([a-z]{2,6})n['’]t\b/gi, '$1 not')
        .replace(/\bno longer (?=\p{L})/giu, 'not ')
        .replace(/\bback-ups?\b/gi, 'backup')
        .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
        .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
        .replace(/(\p{L})[_-]+(?=\p{L})/gu, '$1 ')
        .replace(/(\d) (?:out )?of (?:the )?(?=\d)/gi, '$1/')
        .toLowerCase();
}

/**
 * A word; a number; a share (a of b); or a mark: punctuation, or a sign.
 * @typedef {object} Token
 * @property {'word' | 'number' | 'share' | 'mark'} type
 * @property {string} text
 * @property {number} a the number
 * @property {number} b
 * @property {boolean} percent
 * @property {boolean} used it belongs to a word already
 * @property {boolean} denied
 */

const TOKEN =
    /(?<![\d/])(\d{1,9})\s?\/\s?(\d{1,9})(?![\d/])|(\d+(?:[.,]\d+)*)(\s?%)?|(\p{L}[\p{L}\p{M}'’]*)|(\S)/gu;

/**
 * @param {string} text
 * @returns {Token[]}
 */
function tokens(text) {
    return Array.from(text.matchAll(TOKEN), ([, a, b, number, percent, word, mark]) => ({
        type: word ? 'word' : number ? 'number' : a ? 'share' : 'mark',
        text: word ?? mark ?? '',
        a: Number(a ?? number?.replace(',', '.')),
        b: Number(b),
        percent: percent !== undefined,
        used: false,
        denied: false,
    }));
}

/**
 * The longest phrase that begins there, and how many tokens it has (1 where there is none).
 * @param {Token[]} all
 * @param {number} at
 * @returns {[Meaning | undefined, number]}
 */
function phraseAt(all, at) {
    const first = all[at].text;
    // systemd: "active (running)"
    if (/^(?:in)?active$/.test(first) && all[at + 1]?.text === '(') {
        const pair = meaningOf(`${first} ${all[at + 2]?.text}`);
        if (pair) return [pair, 3];
    }
    /** @type {[Meaning | undefined, number]} */
    let found = [meaningOf(first), 1];
    let phrase = first;
    for (let n = 1; n < PHRASE_WORDS_MAX && all[at + n]?.type === 'word'; n++) {
        phrase += ` ${all[at + n].text}`;
        const meaning = meaningOf(phrase);
        if (meaning) found = [meaning, n + 1];
    }
    if (!found[0]) {
        const positive = /^(?:un|non|dis|mis|in)(\p{L}{2,})$/u.exec(first);
        if (positive && meaningOf(positive[1])?.kind === 'good') found = [{ kind: 'bad' }, 1];
    }
    if (found[0]) for (let n = 0; n < found[1]; n++) all[at + n].used = true;
    return found;
}

/**
 * @param {Token[]} all
 * @param {number} at
 * @param {number} length
 * @param {Meaning} meaning
 * @param {Findings} findings
 * @param {Kind[]} events gets what is over when it is resolved
 */
function judge(all, at, length, meaning, findings, events) {
    const { kind } = meaning;
    if (meaning.free) findings.add('good');
    const end = at + length;
    const name = all[end - 1].text;
    // "errors: no known data errors": the first is a label.
    const isLabel =
        /s$/.test(name) &&
        all[end]?.text === ':' &&
        NEGATIONS.has(all[end + 1]?.text) &&
        all[end + 2]?.type === 'word';
    if (kind === '' || isLabel) return;
    const denied = isDenied(all, at) || isFalse(all, end);
    for (let n = at; n < end; n++) all[n].denied = denied;
    const share = shareBeside(all, at, end);
    const count = share ? null : countBeside(all, at, end);
    if (kind === 'bad' || kind === 'warn') {
        const none = denied || count === 0 || (share?.a === 0 && share.b > 1 && COUNTED.has(name));
        if (meaning.event && count === null && !none) events.push(kind);
        else findings.add(none ? 'good' : kind);
    } else if (kind === 'good' || meaning.running) {
        const percent = all[at - 1]?.percent ? all[at - 1].a : 100;
        // "available: 3 %": of something, and who knows whether that is well.
        const value = /^[:=]$/.test(all[end]?.text) ? all[end + 1] : undefined;
        if (value?.percent || (name === 'available' && value?.type === 'number')) findings.doubt();
        const affirmed = /^[:=]$/.test(all[end]?.text) && /^(?:yes|true)$/.test(all[end + 1]?.text);
        judgeGood(meaning, { denied, affirmed, share, count, percent }, findings);
    } else if (kind === 'other') {
        // Two of ten tests that were skipped say nothing against the rest.
        if (count === null && !denied) findings.add(kind);
    } else if (denied) {
        findings.doubt();
    } else if (count !== 0) {
        findings.add(kind, meaning);
    }
}

/**
 * @param {Meaning} meaning
 * @param {{ denied: boolean, affirmed: boolean, share: Token | null, count: number | null,
 *     percent: number }} beside
 * @param {Findings} findings
 */
function judgeGood(meaning, { denied, affirmed, share, count, percent }, findings) {
    const { kind, health, progress, running } = meaning;
    if (denied) findings.add('bad');
    else if (share && share.a >= share.b && share.b > 0) findings.add('good', { health: true });
    else if (share && progress) findings.add('busy');
    else if (share) findings.add(share.a > 0 || running ? 'warn' : 'bad');
    else if (count === 0) findings.add(health || running ? 'bad' : 'other');
    else if (percent < 100) findings.add(progress ? 'busy' : 'warn');
    else if (running && affirmed) findings.add('good', { health: true });
    else if (kind) findings.add(kind, meaning);
}

/**
 * "not ready", "no critical errors", "no errors or warnings".
 * @param {Token[]} all
 * @param {number} at
 */
function isDenied(all, at) {
    if (/^(?:or|nor|and)$/.test(all[at - 1]?.text) && all[at - 2]?.denied) return true;
    for (let i = at - 1; i >= 0 && i >= at - REACH && all[i].type !== 'mark'; i--) {
        if (all[i].used || !NEGATIONS.has(all[i].text)) continue;
        all[i].used = true;
        return true;
    }
    return false;
}

/**
 * "ready: false", "errors: none", "ready false"; but not "failed: no disk".
 * @param {Token[]} all
 * @param {number} end
 */
function isFalse(all, end) {
    const isValue = /^[:=]$/.test(all[end]?.text);
    const value = all[isValue ? end + 1 : end];
    if (!value || !(isValue ? FALSE_WORDS.has(value.text) : value.text === 'false')) return false;
    const [next, after] = all.slice(all.indexOf(value) + 1);
    if (next?.type === 'word' && !/^[:=]$/.test(after?.text)) return false;
    value.used = true;
    return true;
}

const UNIT =
    /^(?:ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?|months?|years?|ago|[kmgt]i?b|bytes)$/;

/**
 * Whether what stands there is a number that no unit follows and no other word has taken.
 * @param {Token[]} all
 * @param {number} at
 * @param {Token['type']} type
 */
function isFree(all, at, type) {
    const token = all[at];
    return token?.type === type && !token.used && !UNIT.test(all[at + 1]?.text);
}

/**
 * "5/6 nodes healthy", "READY 0/1".
 * @param {Token[]} all
 * @param {number} at
 * @param {number} end
 */
function shareBeside(all, at, end) {
    const places = [];
    for (let i = at - 1; i >= at - REACH && all[i] && all[i].type !== 'mark'; i--) places.push(i);
    places.push(/^[:=(]$/.test(all[end]?.text) ? end + 1 : end);
    const place = places.find((i) => isFree(all, i, 'share'));
    if (place === undefined) return null;
    all[place].used = true;
    return all[place];
}

/**
 * Where the ":" or "=" is that follows, after at most two words that are not known; 0 for nowhere.
 * @param {Token[]} all
 * @param {number} end
 */
function labelEnd(all, end) {
    for (let i = end; i < end + REACH && all[i]; i++) {
        const { type, text } = all[i];
        if (/^[:=]$/.test(text)) return i;
        if (type !== 'word' || meaningOf(text) || NEGATIONS.has(text)) break;
    }
    return 0;
}

/**
 * How many there are: "failed: 0", "failed jobs: 0", "0 failed", "0 tests failed", "failed 0".
 * @param {Token[]} all
 * @param {number} at
 * @param {number} end
 */
function countBeside(all, at, end) {
    const places = [];
    const label = labelEnd(all, end);
    if (label) places.push(label + 1);
    for (let i = at - 1; i >= at - REACH && all[i] && all[i].type !== 'mark'; i--) {
        if (all[i].used) break;
        places.push(i);
    }
    const name = all[end - 1].text;
    if (COUNTED.has(name) || meaningOf(name)?.kind === 'good') places.push(end);
    const place = places.find((i) => isFree(all, i, 'number') && !isOthers(all, i, at));
    if (place === undefined) return null;
    all[place].used = true;
    return all[place].a;
}

/**
 * Whether a number that follows belongs to the next word: "OK: 0 problems", not "failed=0 ok=3".
 * @param {Token[]} all
 * @param {number} place of the number
 * @param {number} at of the word
 */
function isOthers(all, place, at) {
    const next = all[place + 1];
    return (
        place > at &&
        next?.type === 'word' &&
        meaningOf(next.text) !== undefined &&
        !/^[:=]$/.test(all[place + 2]?.text) &&
        all[place + 2]?.type !== 'number'
    );
}

// --- JSON ----------------------------------------------------------------------------------------
// What a status that is JSON says about how something is. Names of members are no words: only what
// they hold counts, and how it counts depends on the member.
//
//   {"status":"completed","conclusion":"failure"}       bad: the worst of its states
//   {"state":"ok","healthy":false}                      bad: a good thing that is not so
//   {"status":"ok","checks":{"db":{"status":"down"}}}   bad: also far inside
//   {"errors":0,"failed":[]}                            good: none of a bad thing
//   {"ready":2,"replicas":3}                            warn: not all of a good thing
//
// Where the worst stands is told as the reason ("checks.db.status: down").
// At most NODES_MAX values and CHARACTERS_MAX characters are looked at.

const NODES_MAX = 300;
const CHARACTERS_MAX = 8000; // of all texts together
const DEPTH_MAX = 8;
const VALUE_MAX = 60; // characters of a value that is told as the reason

// What was, what should be, and what limits there are is not how things are.
const NOT_NOW =
    /\b(?:prev|previous|last|old|former|prior|past|want|wanted|target|spec|threshold|thresholds|limit|limits|max|min|config|history|policy|rules|default|labels|annotations|metadata|env|until|at|on|time|date|ts|timestamp|since|seconds|secs|ms|duration|interval|timeout|rate|ratio)\b/;
const NAMES =
    /\b(?:name|id|uid|title|host|hostname|user|owner|author|url|uri|link|image|branch|tag|topic|namespace|commit|sha|project|version|kind|type|path|file|email)$/;
// Their text is a state.
const STATES =
    /\b(?:state|status|health|healthy|result|results|conclusion|outcome|phase|condition|level|indicator|severity|impact|verdict|word|availability|alive|check|sync|mode|alert|(?:state|status|health) (?:str|string|text|label))$/;
// Their text is for people: it may say that something is wrong, but not that all is well.
const PROSE =
    /\b(?:message|msg|detail|details|text|description|reason|summary|output|note|info|cause)$/;
const TROUBLE = /\b(?:error|errors|err|exception|exceptions|failure|failures|problem|problems)$/;
const GRADES = /\b(?:severity|indicator|impact)$/;
// What is not understood as one of these makes all the rest doubtful.
const ESSENTIAL = /\b(?:state|status|health|condition|conclusion|phase)$/;
// Under one of these a flag is about the part that it is named after.
const PARTS =
    /\b(?:checks?|components?|services?|health|status|statuses|dependencies|probes|parts|nodes|hosts|tests?|results?)$/;
/** @type {Record<string, Kind>} */
const GRADE = { high: 'bad', major: 'bad', minor: 'warn', medium: 'warn', moderate: 'warn' };
const EXIT = /\b(?:exit|rc|returncode|exitcode|exit code|exit status|return code)$/;
const HTTP = /\b(?:status|code|status code|http status)$/;
const TOTALS = ['replicas', 'total', 'desired', 'desiredReplicas', 'desiredNumberScheduled'];

/**
 * notReady, not_ready and NOT-READY in small words.
 * @param {string} key
 */
const keyWords = (key) =>
    key
        .slice(0, 100)
        .replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
        .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
        .replace(/[^\p{L}\d]+/gu, ' ')
        .trim()
        .toLowerCase();

/**
 * Reads an object or an array into what was found. Members of `except` are left out: they have been
 * read already.
 * @param {object} json
 * @param {Findings} findings
 * @param {readonly string[]} except
 */
function readJson(json, findings, except = []) {
    let left = NODES_MAX;
    let characters = CHARACTERS_MAX;
    /**
     * @param {unknown} value
     * @param {string} key in small words
     * @param {string[]} path
     * @param {readonly string[]} skipped
     * @param {unknown} [total] of how many, where the value is a number
     */
    const visit = (value, key, path, skipped = [], total = undefined) => {
        if (left-- <= 0 || path.length > DEPTH_MAX || value === null) return;
        findings.at = path.join('.');
        if (Array.isArray(value)) {
            if (isTrouble(key)) readNumber(value.length, key, findings);
            for (const [i, item] of value.slice(0, NODES_MAX).entries())
                visit(item, key, [...path, `${i}`]);
            return;
        }
        if (typeof value === 'object') {
            if (TROUBLE.test(key) && Object.keys(value).length) findings.add('bad');
            visitMembers(/** @type {Record<string, unknown>} */ (value), path, skipped);
            return;
        }
        findings.at += `: ${String(value).slice(0, VALUE_MAX)}`;
        if (typeof value === 'boolean' && !readFlag(value, key, findings)) {
            const isPart = path.length > 1 && PARTS.test(keyWords(path[path.length - 2]));
            if (isPart) findings.add(value ? 'good' : 'bad');
        }
        if (typeof value === 'number') readNumber(value, key, findings, total);
        if (typeof value === 'string') {
            readString(value.slice(0, characters), key, findings);
            characters -= Math.min(value.length, characters);
        }
    };
    /**
     * @param {Record<string, unknown>} members
     * @param {string[]} path
     * @param {readonly string[]} skipped
     */
    const visitMembers = (members, path, skipped) => {
        const isCondition = readCondition(members, findings);
        const total = TOTALS.map((name) => members[name]).find((n) => typeof n === 'number');
        for (const [name, member] of Object.entries(members)) {
            const words = keyWords(name);
            if (skipped.includes(name) || NOT_NOW.test(words)) continue;
            if (isCondition && (name === 'status' || name === 'type')) continue;
            visit(member, words, [...path, name], [], total === member ? undefined : total);
        }
    };
    visit(json, '', [], except);
    findings.at = '';
}

/**
 * Kubernetes: {"type":"Ready","status":"False"}. Whether it was one.
 * @param {Record<string, unknown>} members
 * @param {Findings} findings
 */
function readCondition({ type, status }, findings) {
    if (typeof type !== 'string' || !/^(?:True|False|Unknown)$/.test(`${status}`)) return false;
    findings.at = `${type.slice(0, VALUE_MAX)}: ${status}`;
    if (status === 'Unknown') findings.add('warn');
    else readFlag(status === 'True', keyWords(type), findings);
    return true;
}

/** @param {string} key */
const isTrouble = (key) => key.split(' ').some((word) => COUNTED.has(word) || TROUBLE.test(word));

/**
 * Whether the name says what the flag means.
 * @param {boolean} is
 * @param {string} key
 * @param {Findings} findings
 */
function readFlag(is, key, findings) {
    const name = new Findings();
    readText(key, name);
    const { kind } = name;
    if (name.isEmpty) return false;
    if (kind === 'good' || /\brunning$/.test(key)) {
        findings.add(is ? 'good' : 'bad', { health: true });
    } else if (kind === 'bad' || kind === 'warn') {
        findings.add(is ? kind : 'good');
    } else if (is) {
        findings.add(kind);
    }
    return true;
}

/**
 * @param {number} n
 * @param {string} key
 * @param {Findings} findings
 * @param {unknown} [total] of how many
 */
function readNumber(n, key, findings, total) {
    const kind = textKind(key);
    if (EXIT.test(key)) {
        findings.add(n === 0 ? 'good' : 'bad');
    } else if (HTTP.test(key)) {
        if (n >= 100 && n < 600) findings.add(httpKind(n));
        else findings.doubt();
    } else if (/\bhealth$/.test(key)) {
        if (n === 0 || n === 1) findings.add(n === 1 ? 'good' : 'bad');
        else findings.doubt();
    } else if (isTrouble(key)) {
        findings.add(n === 0 ? 'good' : kind === 'warn' ? 'warn' : 'bad');
    } else if (kind === 'good') {
        if (typeof total === 'number' && n < total) findings.add(n > 0 ? 'warn' : 'bad');
        else readText(`${n} ${key}`, findings);
    } else if ((kind === 'bad' || kind === 'warn') && n > 0) {
        findings.doubt(); // a threshold, or a count?
    }
}

/**
 * @param {string} text
 * @param {string} key
 * @param {Findings} findings
 */
function readString(text, key, findings) {
    const plain = text.trim().toLowerCase();
    if (plain === '' || NAMES.test(key)) return;
    const isNone = /^(?:none|null|no|nil|n\/a|ok|false|0|-)$/.test(plain);
    if (GRADES.test(key)) {
        findings.add(isNone ? 'good' : (GRADE[plain] ?? textKind(plain)));
    } else if (/^(?:true|false|yes|no)$/.test(plain)) {
        readFlag(plain === 'true' || plain === 'yes', key, findings);
    } else if (STATES.test(key)) {
        const value = new Findings();
        readText(text, value);
        if (value.isEmpty && ESSENTIAL.test(key)) findings.doubt();
        readText(text, findings);
    } else if (TROUBLE.test(key)) {
        findings.add(isNone ? 'good' : 'bad');
    } else if (PROSE.test(key)) {
        const kind = textKind(text);
        if (kind === 'bad' || kind === 'warn') findings.add(kind);
    } else {
        // {"db":"down"}: a part and its state. Anything longer is a name or a sentence.
        const meaning = meaningOf(keyWords(text));
        if (meaning?.kind && !meaning.weak) readText(text, findings);
    }
}

// --- the whole -----------------------------------------------------------------------------------

const COLOURS = /\x1b\[[\d;]*m/g;
const WORD_CHARACTERS_MAX = 60;
const DETAIL_CHARACTERS_MAX = 500;
const VALUE_CHARACTERS_MAX = 40;

// The most urgent first. "stale" is the class of a status that is no longer worth anything and was
// neither failing nor warning.
/** @type {readonly Class[]} */
export const CLASSES = ['bad', 'warn', 'stale', 'busy', 'wait', 'other', 'good'];

// How people say that n statuses are in a class.
/** @type {Readonly<Record<Class, string>>} */
export const CLASS_TEXT = {
    bad: 'failing',
    warn: 'warning',
    stale: 'stale',
    busy: 'running',
    wait: 'waiting',
    other: 'other',
    good: 'fine',
};

/**
 * The kind of a text by its worst word.
 * @param {string} text
 * @returns {Kind}
 */
export const wordKind = (text) => textKind(text);

/**
 * @param {string} data
 * @returns {Status}
 */
export function readStatus(data) {
    const text = data.replace(COLOURS, '').trim();
    if (/^[{["]/.test(text)) {
        try {
            return fromJson(JSON.parse(text), text);
        } catch {
            // Not JSON after all: shown as it is.
        }
    }
    return fromText(text);
}

/**
 * @param {string} text
 * @returns {Status}
 */
function fromText(text) {
    const [first, ...more] = text.split('\n');
    const colon = first.indexOf(': ');
    const isPair = colon > 0 && colon <= WORD_CHARACTERS_MAX;
    const detail = [isPair ? first.slice(colon + 2) : '', ...more].filter(Boolean).join('\n');
    return status(isPair ? first.slice(0, colon) : first, detail, textKind(text));
}

/**
 * @param {unknown} json
 * @param {string} text
 * @returns {Status}
 */
function fromJson(json, text) {
    if (typeof json === 'string') return fromText(json.trim());
    if (typeof json !== 'object' || json === null) return fromText(text);
    const members = /** @type {Record<string, unknown>} */ (json);
    const [name, word] = firstScalar(members, ['state', 'status', 'word', 'value']);
    const [, level = ''] = firstScalar(members, ['level']);
    const findings = new Findings();
    // A number is a code, or a value that no word goes with: readJson() sees to it.
    const says = level || (typeof members[name] === 'string' ? (word ?? '') : '');
    const isGrade = /^(?:info|information|notice|debug|trace|verbose)$/i.test(level);
    if (isGrade) readText(word ?? '', findings);
    else readText(says, findings);
    if (says && findings.isEmpty && name !== 'value') findings.doubt();
    readJson(members, findings, typeof members[name] === 'string' ? [name, 'level'] : ['level']);
    const [, value = ''] = name === 'value' ? [] : firstScalar(members, ['value']);
    const [, detail = ''] = firstScalar(members, ['message', 'detail', 'text', 'description']);
    const { kind, why } = findings;
    return {
        ...status(word ?? text.replace(/\s+/g, ' '), detail || (kind === 'good' ? '' : why), kind),
        value: shorten(value, VALUE_CHARACTERS_MAX),
        ttlMs: parseDuration(members.ttl, 0),
    };
}

/**
 * The first of the members that is a text, a number or a boolean.
 * @param {Record<string, unknown>} members
 * @param {readonly string[]} names
 * @returns {[name: string, text?: string]}
 */
function firstScalar(members, names) {
    for (const name of names) {
        const value = members[name];
        if (['string', 'number', 'boolean'].includes(typeof value) && value !== '')
            return [name, String(value)];
    }
    return [''];
}

/**
 * @param {string} word
 * @param {string} detail
 * @param {Kind} kind
 * @returns {Status}
 */
function status(word, detail, kind) {
    return {
        word: shorten(word || '(empty)', WORD_CHARACTERS_MAX),
        kind,
        value: '',
        detail: shorten(detail, DETAIL_CHARACTERS_MAX),
        ttlMs: 0,
    };
}

/**
 * @param {string} text
 * @param {number} charactersMax
 */
function shorten(text, charactersMax) {
    return text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text;
}
