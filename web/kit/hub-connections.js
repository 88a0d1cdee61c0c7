// SPDX-License-Identifier: MIT
// All connections, on behalf of tabs: in the SharedWorker, in the tab that leads, or in each tab.
import { Connection } from './hub-connection.js';
import { Member } from './hub-members.js';

/** @import { MemberMessage } from './hub-members.js' */
/** @import { Target } from './hub-requests.js' */

/**
 * What a tab says. `sub` names one of its subscriptions; `id` is its position.
 * @typedef {{ t: 'join', sub: string, target: Target, topics: readonly string[], id: string }
 *     | { t: 'leave', sub: string }
 *     | { t: 'nudge', network: boolean }
 *     | { t: 'ping' }
 *     | { t: 'bye' }} FromTab
 */

/**
 * What a tab is sent.
 * @typedef {(MemberMessage & { sub: string }) | { t: 'ok' }} ToTab
 */

const STREAMS_MAX = 4; // a browser has six connections to a host: two are left for requests

export class Connections {
    /** @type {Map<string, Connection>} by target */
    #connections = new Map();
    /** @type {Map<string, { post: (message: ToTab) => void, subs: Map<string, () => void> }>} */
    #tabs = new Map(); // subs: what takes a subscription away

    /**
     * A tab that is there from now on.
     * @param {string} tab
     * @param {(message: ToTab) => void} post
     */
    attach(tab, post) {
        this.#tabs.set(tab, { post, subs: new Map() });
    }

    /** @param {string} tab */
    drop(tab) {
        this.#tabs.get(tab)?.subs.forEach((leave) => leave());
        this.#tabs.delete(tab);
    }

    close() {
        this.#tabs.clear();
        this.#connections.forEach((connection) => connection.close());
    }

    /**
     * A message of a tab. False: the tab is unknown.
     * @param {string} tab
     * @param {FromTab} message
     */
    receive(tab, message) {
        const { post, subs } = this.#tabs.get(tab) ?? {};
        if (!post || !subs) return false;
        switch (message.t) {
            case 'join':
                subs.get(message.sub)?.();
                subs.set(message.sub, this.#join(message, post));
                break;
            case 'leave':
                subs.get(message.sub)?.();
                subs.delete(message.sub);
                break;
            case 'nudge':
                this.#connections.forEach((connection) => connection.nudge(message.network));
                break;
            case 'ping':
                post({ t: 'ok' });
                break;
            case 'bye':
                this.drop(tab);
                break;
        }
        return true;
    }

    /**
     * @param {FromTab & { t: 'join' }} message
     * @param {(message: ToTab) => void} post
     * @returns {() => void} what takes it away
     */
    #join({ sub, target, topics, id }, post) {
        const connection = this.#connectionOf(target);
        const member = new Member(topics, id, (message) => post({ ...message, sub }));
        connection.join(member);
        return () => connection.leave(member);
    }

    /** @param {Target} target */
    #connectionOf(target) {
        const name = JSON.stringify(target);
        const known = this.#connections.get(name);
        if (known) return known;
        /** @returns {boolean} */
        const isCrowded = () => {
            const others = [...this.#connections.values()].filter(
                (other) => other !== connection && other.hub === target.hub && other.streams,
            );
            return others.length >= STREAMS_MAX;
        };
        const onEmpty = () => this.#connections.delete(name);
        const connection = new Connection(target, isCrowded, onEmpty);
        this.#connections.set(name, connection);
        return connection;
    }
}
