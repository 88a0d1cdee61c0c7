// SPDX-License-Identifier: MIT
// One live stream of the hub: a state machine around EventSource.
//
// EventSource reconnects by itself when a stream breaks, and resumes with the last id. It does not notice a stream that died
// silently (sleep, a changed network), and it gives up for good at any answer that is not a stream, without a word why.
// Stream adds both: it listens for tailrace.ping and starts anew when that stays away, and it asks the hub why it was turned away.
//
//   connecting    the first attempt; nothing has been heard yet
//   live          something was heard within the last 2.5 heartbeats
//   reconnecting  broken, being restored; detail.retryAt (ms) when the wait is ours, detail.reason
//   ended         the topic was closed and all of it has been delivered; final
//   refused       the hub said no; detail.status, detail.reason; final until start() is called again
//   closed        by close(), or not started yet
//
// Needs a stream with control=1. Ids are opaque; nothing is delivered twice and a gap is told to onGap.
import { parseDuration } from './format.js';
import { problemText } from './hub.js';

const HEARTBEAT_MS = 15_000;        // until tailrace.hello says otherwise
const SILENT_HEARTBEATS = 2.5;
// A broken stream is EventSource's to restore, for as long as a polite hub may ask it to wait.
const RECONNECT_PATIENCE_MS = 120_000;
const RETRY_FIRST_MS = 1000;
const RETRY_LAST_MS = 30_000;
const SLOW_MS = 8000;

export class Stream {
    #address;       // () => URL, asked again for every attempt of ours: the key may have changed
    #on;
    #source = null;
    #state = 'closed';
    #lastId = '';
    #heartbeatMs = HEARTBEAT_MS;
    #heardAt = 0;
    #attempts = 0;
    #draining = false;
    #restoring = false; // EventSource is waiting to reconnect, or trying
    #watchTimer = 0;
    #retryTimer = 0;
    #slowTimer = 0;
    #question = null; // AbortController of a running #ask

    // onEvent({id, topic, type, time, data}), onGap({from, to, reason}), onState(state, detail)
    constructor({ address, onEvent, onGap = () => {}, onState = () => {} }) {
        this.#address = address;
        this.#on = { event: onEvent, gap: onGap, state: onState };
    }

    get state() {
        return this.#state;
    }

    start() {
        if (this.#state !== 'closed' && this.#state !== 'refused') return;
        this.#attempts = 0;
        document.addEventListener('visibilitychange', this.#check);
        window.addEventListener('online', this.#hurry);
        this.#become('connecting');
        this.#connect();
    }

    // Ends the connection for good; the object may be started again and then goes on after the last id.
    close() {
        if (this.#state === 'closed') return;
        this.#stop();
        this.#become('closed');
    }

    #become(state, detail = {}) {
        this.#state = state;
        this.#on.state(state, detail);
    }

    #connect() {
        this.#drop();
        const url = new URL(this.#address());
        if (this.#lastId) url.searchParams.set('lastEventId', this.#lastId);
        const source = this.#source = new EventSource(url);
        source.onopen = () => this.#opened();
        source.onerror = () => this.#broken(source);
        source.onmessage = (message) => this.#event(message);
        source.addEventListener('tailrace.hello', (message) => this.#hello(message));
        source.addEventListener('tailrace.ping', (message) => this.#heard(message));
        source.addEventListener('tailrace.gap', (message) => this.#gap(message));
        source.addEventListener('tailrace.drain', (message) => this.#drain(message));
        source.addEventListener('tailrace.end', (message) => this.#end(message));
        this.#opened();
        if (this.#state !== 'connecting') return;
        this.#slowTimer = setTimeout(() => this.#become('connecting', {
            reason: 'The hub has not answered yet. A browser opens at most six connections to one host: '
                + 'other tabs may be using them up.',
        }), SLOW_MS);
    }

    // Lets go of the EventSource and every timer; says nothing.
    #drop() {
        this.#source?.close();
        this.#source = null;
        this.#question?.abort();
        this.#question = null;
        clearTimeout(this.#watchTimer);
        clearTimeout(this.#retryTimer);
        clearTimeout(this.#slowTimer);
        this.#retryTimer = 0;
    }

    #stop() {
        this.#drop();
        document.removeEventListener('visibilitychange', this.#check);
        window.removeEventListener('online', this.#hurry);
    }

    // From here the hub has the usual time to say something.
    #opened() {
        this.#restoring = false;
        this.#heardAt = Date.now();
        this.#watch();
    }

    // Every word of the hub is a sign of life. "open" alone is not: a proxy may hold the stream back.
    #heard(message) {
        this.#heardAt = Date.now();
        if (message.lastEventId) this.#lastId = message.lastEventId;
        if (this.#state === 'live') return;
        clearTimeout(this.#slowTimer);
        this.#attempts = 0;
        this.#draining = false;
        this.#become('live');
        this.#watch();
    }

    #hello(message) {
        this.#heartbeatMs = parseDuration(parse(message.data)?.heartbeat, HEARTBEAT_MS);
        this.#heard(message);
        this.#watch();
    }

    #event(message) {
        this.#heard(message);
        const event = parse(message.data);
        if (typeof event?.data !== 'string') return; // not an envelope: this address is not a stream of the hub
        this.#on.event({ ...event, id: message.lastEventId });
    }

    #gap(message) {
        this.#heard(message);
        this.#on.gap(parse(message.data) ?? {});
    }

    #drain(message) {
        this.#heard(message);
        this.#draining = true;
    }

    #end(message) {
        this.#heard(message);
        this.#stop();
        this.#become('ended');
    }

    #broken(source) {
        if (source !== this.#source) return;
        clearTimeout(this.#slowTimer);
        const givenUp = source.readyState === EventSource.CLOSED;
        if (!givenUp || this.#state !== 'connecting') {
            const reason = this.#draining ? 'The hub is going down for a restart.' : 'The connection was lost.';
            this.#become('reconnecting', { reason });
        }
        if (givenUp) {
            this.#ask();
            return;
        }
        this.#restoring = true;
        this.#heardAt = Date.now(); // patience counts from here
        this.#watch();
    }

    // EventSource has given up and does not say why: the same request once more, read as far as its headers.
    async #ask() {
        clearTimeout(this.#watchTimer);
        const question = this.#question = new AbortController();
        const patience = setTimeout(() => question.abort(), this.#heartbeatMs);
        const url = new URL(this.#address());
        if (this.#lastId) url.searchParams.set('lastEventId', this.#lastId);
        let act;
        try {
            const response = await fetch(url, {
                headers: { Accept: 'text/event-stream' }, cache: 'no-store', signal: question.signal,
            });
            act = await this.#judge(response);
        } catch {
            act = () => this.#later('The hub cannot be reached.');
        }
        clearTimeout(patience);
        const current = question === this.#question;
        question.abort(); // the answer may be an endless stream
        if (current) act();
    }

    async #judge(response) {
        const { status } = response;
        if (status === 204) return () => { this.#stop(); this.#become('ended'); };
        const stream = (response.headers.get('Content-Type') ?? '').startsWith('text/event-stream');
        if (status === 200 && stream) return () => this.#later('The connection was lost.');
        const reason = status === 200 ? 'The answer is not an event stream.' : await problemText(response);
        if (status >= 500 || status === 408 || status === 425 || status === 429) {
            return () => this.#later(reason, Number(response.headers.get('Retry-After')) * 1000);
        }
        return () => { this.#stop(); this.#become('refused', { status, reason }); };
    }

    // Back-off with full jitter above its half, so that many pages do not come back in step.
    #later(reason, atLeastMs = 0) {
        const backoff = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** this.#attempts++);
        const wait = Math.max(backoff * (0.5 + Math.random() / 2), atLeastMs || 0);
        this.#drop();
        this.#retryTimer = setTimeout(() => this.#connect(), wait);
        this.#become('reconnecting', { reason, retryAt: Date.now() + wait });
    }

    #patience() {
        return this.#restoring ? RECONNECT_PATIENCE_MS : SILENT_HEARTBEATS * this.#heartbeatMs;
    }

    #watch() {
        clearTimeout(this.#watchTimer);
        this.#watchTimer = setTimeout(this.#check, Math.max(0, this.#heardAt + this.#patience() - Date.now()) + 10);
    }

    // By the wall clock: timers and performance.now() may stand still while the machine sleeps.
    #check = () => {
        if (!this.#source || this.#question) return;
        if (Date.now() - this.#heardAt < this.#patience()) {
            this.#watch();
            return;
        }
        this.#become('reconnecting', { reason: 'The hub has gone silent.' });
        this.#connect();
    };

    // The network is back: no need to sit out the wait.
    #hurry = () => {
        if (this.#state === 'reconnecting' && !this.#question) this.#connect();
        else this.#check();
    };
}

function parse(text) {
    try {
        return JSON.parse(text);
    } catch {
        return null;
    }
}
