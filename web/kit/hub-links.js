// SPDX-License-Identifier: MIT
// The ways from a tab to the connections: in a SharedWorker, in one of the tabs, in the tab itself.
//
// That a tab or a worker has gone, also by a crash, is known by a Web Lock that it held. Where
// there are no locks the tab pings; see hub-tab.js.
import { Connections } from './hub-connections.js';

/** @import { FromTab } from './hub-connections.js' */
/** @import { ToTab } from './hub-connections.js' */
/** @typedef {(message: FromTab) => void} Send */

/**
 * What a way needs of its tab.
 * @typedef {object} LinkedTab
 * @property {(message: ToTab) => void} receive
 * @property {() => void} rejoin subscriptions join again: the connections are others
 * @property {() => void} relink the link is lost
 * @property {() => void} lost what to do when a ping is not answered
 */

/**
 * Resolves to what sends to the connections, until `over`.
 * @typedef {(tab: LinkedTab, over: AbortSignal) => Promise<Send>} Way
 */

const NAME = 'tailrace-1'; // the version of what tabs say
const GREETING_MS = 3000; // for a worker to answer

export const randomName = () => Math.random().toString(36).slice(2);

/**
 * Holds a lock until `over`, or the end of the tab. Resolves when it is held.
 * @param {string} name
 * @param {AbortSignal} [over]
 * @returns {Promise<void>}
 */
function hold(name, over) {
    return new Promise((held, failed) => {
        const release = new Promise((done) => over?.addEventListener('abort', done));
        const have = () => {
            held();
            return over?.aborted ? undefined : release;
        };
        navigator.locks.request(name, have).catch(failed);
    });
}

/**
 * Resolves when nobody holds the lock.
 * @param {string} name
 * @param {AbortSignal} [signal]
 */
function gone(name, signal) {
    return navigator.locks.request(name, { signal }, () => {});
}

/** Connections of the tab's own. @type {Way} */
export async function toOwn(tab, over) {
    const connections = new Connections();
    connections.attach('', tab.receive);
    over.addEventListener('abort', () => connections.close());
    return (message) => connections.receive('', message);
}

// --- a SharedWorker ---

/** @type {Way} */
export async function toWorker(tab, over) {
    const name = randomName();
    const lock = navigator.locks && `${NAME}-${name}`;
    if (lock) await hold(lock, over);
    over.throwIfAborted();
    const address = new URL('./hub-worker.js', import.meta.url);
    const worker = new SharedWorker(address, { type: 'module', name: 'tailrace-1' });
    const { port } = worker;
    over.addEventListener('abort', () => {
        port.postMessage({ t: 'bye' });
        port.close();
    });
    const theirs = await new Promise((greeted, failed) => {
        worker.onerror = failed;
        setTimeout(failed, GREETING_MS);
        port.onmessage = ({ data }) => greeted(data.lock);
        port.postMessage({ t: 'hello', tab: name, lock });
    });
    // The worker ends with its process, which may be another tab's.
    tab.lost = () => {
        if (!over.aborted) tab.relink();
    };
    port.onmessage = ({ data }) => tab.receive(data);
    if (lock && theirs) gone(theirs, over).then(tab.lost, () => {});
    return (message) => port.postMessage(message);
}

/** The worker's end. */
export function serveTabs() {
    const connections = new Connections();
    const lock = navigator.locks && `${NAME}-${randomName()}`;
    const ready = lock && hold(lock);
    const serve = (/** @type {MessagePort} */ port) => {
        let tab = '';
        port.onmessage = async ({ data }) => {
            if (data.t !== 'hello') {
                connections.receive(tab, data);
                return;
            }
            tab = data.tab;
            connections.attach(tab, (message) => port.postMessage(message));
            await ready;
            port.postMessage({ lock });
            if (data.lock) gone(data.lock).then(() => connections.drop(tab));
        };
    };
    addEventListener('connect', (event) => {
        if (event instanceof MessageEvent) serve(event.ports[0]);
    });
}

// --- the tab that leads ---

/**
 * The tab that holds the leader's lock has the connections. Tabs write to the channel of all, the
 * leader to that of each one.
 * @type {Way}
 */
export async function toLeader(tab, over) {
    const name = randomName();
    await hold(`${NAME}-${name}`, over);
    over.throwIfAborted();
    const leadership = new Leadership(name, tab, over);
    over.addEventListener('abort', () => {
        leadership.send({ t: 'bye' });
        leadership.close();
    });
    leadership.stand({ signal: over });
    tab.lost = () => leadership.challenge();
    return (message) => leadership.send(message);
}

class Leadership {
    #name;
    #tab;
    #over;
    #everybody = new BroadcastChannel(NAME);
    #own;
    /** @type {Connections | null} */
    #connections = null; // while this tab leads
    #resign = () => {};

    /**
     * @param {string} name
     * @param {LinkedTab} tab
     * @param {AbortSignal} over
     */
    constructor(name, tab, over) {
        this.#name = name;
        this.#tab = tab;
        this.#over = over;
        this.#own = new BroadcastChannel(`${NAME}-${name}`);
        this.#own.onmessage = ({ data }) => tab.receive(data);
        this.#everybody.onmessage = ({ data }) => this.#heard(data);
    }

    /** @type {Send} */
    send(message) {
        if (this.#connections) this.#connections.receive(this.#name, message);
        else this.#everybody.postMessage({ ...message, tab: this.#name });
    }

    /**
     * Waits for the lock, and leads.
     * @param {LockOptions} how
     */
    stand(how) {
        const lead = () => this.#lead();
        navigator.locks.request(`${NAME}-leader`, how, lead).catch(() => {
            this.#step(); // another tab has taken the lock
            if (!this.#over.aborted) this.stand({ signal: this.#over });
        });
    }

    /** The leader does not answer: it is frozen. */
    challenge() {
        if (!this.#connections && !this.#over.aborted) this.stand({ steal: true });
    }

    close() {
        this.#step();
        this.#everybody.close();
        this.#own.close();
    }

    // Leads until what it returns is resolved.
    #lead() {
        if (this.#over.aborted) return null;
        this.#connections = new Connections();
        this.#connections.attach(this.#name, this.#tab.receive);
        this.#everybody.postMessage({ t: 'leader' });
        this.#tab.rejoin();
        return new Promise((done) => {
            this.#resign = () => done(undefined);
        });
    }

    #step() {
        this.#connections?.close();
        this.#connections = null;
        this.#resign();
    }

    /** @param {{ t: 'leader' } | (FromTab & { tab: string })} message */
    #heard(message) {
        if (message.t === 'leader') {
            this.#step();
            this.#tab.rejoin();
        } else if (this.#connections?.receive(message.tab, message) === false) {
            this.#admit(message, this.#connections);
        }
    }

    /**
     * The first message of another tab.
     * @param {FromTab & { tab: string }} first
     * @param {Connections} connections
     */
    #admit(first, connections) {
        const other = `${NAME}-${first.tab}`;
        const channel = new BroadcastChannel(other);
        connections.attach(first.tab, (message) => channel.postMessage(message));
        connections.receive(first.tab, first);
        const drop = () => {
            connections.drop(first.tab);
            channel.close();
        };
        gone(other, this.#over).then(drop, drop);
    }
}
