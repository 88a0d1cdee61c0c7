// SPDX-License-Identifier: MIT
// The words that tools and people use for a state, by what they mean. Small letters, words apart
// by blanks: CrashLoopBackOff and CRASH_LOOP_BACK_OFF are both "crash loop back off".
//
// Where the words come from stands beside the examples in test/data/status-words.json: the manuals
// of Docker, Kubernetes, systemd, supervisor, pm2, GitHub, GitLab, CircleCI, Azure, AWS, Google,
// Statuspage, Nagios, Prometheus, ZFS, md, and others.

/** @import { Kind } from './live-status.js' */

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

export const RESOLVED = new Set(list('resolved, cleared, fixed, recovered, restored'));

export const PHRASE_WORDS_MAX = Math.max(...[...MEANINGS.keys()].map((p) => p.split(' ').length));

/**
 * @param {string} phrase in small letters
 * @returns {Meaning | undefined}
 */
export const meaningOf = (phrase) => MEANINGS.get(phrase);

// What turns the next word that is known into its opposite; also other languages', so that "nicht
// ok" is not green.
export const NEGATIONS = new Set(
    list(`not, no, never, without, non, un, nor, neither, nothing, none, nobody, isnt, arent, wasnt,
    doesnt, didnt,
    hasnt, dont, hardly, zero, nicht, kein, keine, keinen, nie, ohne, pas, jamais, sans, aucun, aucune,
    nunca, sin, não, nao, sem, niet, geen, ikke, inte, ej, nem, ne, není, neni, nu, fără,
    değil, degil, ei, nincs, nav, nėra, ekki,
    không, khong, tidak, bukan`),
);

// They make a good word doubtful.
export const DOUBTS = new Set(
    list(`but, although, though, however, only, almost, nearly, barely, unless, if, would, should,
    could, may, might, maybe, perhaps, probably, supposed, supposedly, apparently, allegedly, will,
    some, mostly, somewhat, formerly, previously, aber, nur, mais, presque, pero, casi, mas, quase,
    maar, bijna, men`),
);

// As a value they deny what is before them: "ready: false".
export const FALSE_WORDS = new Set(list('false, no, none, null, nil, off, never, not'));

// A number beside one of these says how many. Beside others it is something else, as in "Error 0".
export const COUNTED = new Set(
    list(`failed, failing, fail, fails, failures, failure, errors, errored, down, unhealthy, warnings, lost, loss,
    crashed, dead, unreachable, degraded, offline, broken, missing, rejected, outages, incidents,
    issues, problems, alerts, timeouts, exceptions, faults, aborted, retries, crashes, alarms, expired,
    unavailable, killed, evicted, stale, firing, overdue, denied, behind`),
);

/** @type {Map<string, Kind>} */
export const SIGNS = new Map();
for (const [kind, signs] of Object.entries({
    good: '✅✔✓☑🟢🟩👍💚🎉🥳🆗👌🙂😀😊💯',
    bad: '❌✖✗✘❎🔴🛑🚨💥🔥☠💀⛔🚫❗‼👎🆘💔😱😡🟥',
    warn: '⚠🟡🟠🔶🔸🟧🟨💛🧡🚧😟😐🐌⁉',
    busy: '🔄🔃🔁🏃▶🔵⚙🛠🔧🔨🚀♻⏩🌀',
    wait: '⏳⌛⏸💤🕐🕑🕒🕓🕔🕕🕖🕗🕘🕙🕚🕛⏰⏱⏲😴',
    other: '⚪⚫🔘❔❓⏹⏭🤷🔇🔕🟣🟤⬜⬛',
}))
    for (const sign of signs) SIGNS.set(sign, /** @type {Kind} */ (kind));
