// SPDX-License-Identifier: MIT
// The subscriptions that one connection serves, and who of them gets what it brings.
//
// Each member has a position, the id that it is complete up to. It is given an event when it wants
// the topic and the event is past its position; so it does not matter what else the connection
// brings, nor how often.
import { foldTopics, topicMatcher } from './hub-topics.js';
import { GAP, epochOf, numberOf, parseObject } from './hub-requests.js';

/** @import { LiveEvent } from './tailrace.js' */

/**
 * What a member is sent: events up to an id; a state of the connection; or that it must take what
 * is stored again, from where it is, and join anew.
 * @typedef {{ t: 'events', events: LiveEvent[], id: string }
 *     | { t: 'state', state: string, detail?: object }
 *     | { t: 'reset' }} MemberMessage
 */

const QUIET_MS = 5000; // a member whose topics are silent learns its new position no more often

export class Member {
    served = false; // the connection, as it is, brings all that is to come for it
    told = ''; // the state that it was sent last
    toldAt = 0; // when it was sent events or its position

    /**
     * @param {readonly string[]} topics
     * @param {string} id its position
     * @param {(message: MemberMessage) => void} post
     */
    constructor(topics, id, post) {
        this.topics = topics;
        this.id = id;
        this.number = numberOf(id);
        this.post = post;
        this.wants = topicMatcher(topics);
    }
}

export class Members {
    /** @type {Set<Member>} */
    #all = new Set();

    get size() {
        return this.#all.size;
    }

    get served() {
        return [...this.#all].filter((member) => member.served);
    }

    /** The one with the least position. There must be one. */
    get least() {
        return [...this.#all].reduce((a, b) => (b.number < a.number ? b : a));
    }

    /** What a request for all of them asks for. */
    get topics() {
        return foldTopics([...this.#all].flatMap(({ topics }) => topics));
    }

    /**
     * False for a member of another journal.
     * @param {Member} member
     */
    add(member) {
        const [other = member] = this.#all;
        if (epochOf(other.id) !== epochOf(member.id)) return false;
        this.#all.add(member);
        return true;
    }

    /**
     * False when it is none of them.
     * @param {Member} member
     */
    delete(member) {
        return this.#all.delete(member);
    }

    clear() {
        this.#all.clear();
    }

    /** A request begins that asks for the topics of all, from the least position on. */
    serveAll() {
        for (const member of this.#all) member.served = true;
    }

    /**
     * Removes them, with a last word: they take what is stored again, unless it says otherwise.
     * @param {Iterable<Member>} members
     * @param {MemberMessage} [message]
     */
    dismiss(members, message = { t: 'reset' }) {
        for (const member of [...members]) {
            if (this.#all.delete(member)) member.post(message);
        }
    }

    /** @param {MemberMessage} [message] */
    dismissAll(message) {
        this.dismiss(this.#all, message);
    }

    /**
     * Sends a state to those of them that do not know it.
     * @param {Iterable<Member>} members
     * @param {MemberMessage & { t: 'state' }} message
     */
    tell(members, message) {
        const text = JSON.stringify(message);
        for (const member of members) {
            if (member.told !== text) member.post(message);
            member.told = text;
        }
    }

    /**
     * Gives the events to those who want them. Everything up to `next` has come with them. False
     * when they are of another journal: then each has to begin there as it was asked to.
     * @param {LiveEvent[]} events
     * @param {string} next
     */
    deliver(events, next) {
        /** @type {number[]} */
        const numbers = [];
        for (const event of events) {
            let number = numberOf(event.id);
            if (event.type === GAP) {
                const { from = '', to = '' } = parseObject(event.data);
                if (epochOf(from) !== epochOf(to) || numberOf(from) > numberOf(to)) return false;
                number = numberOf(to); // it is for those who are not past its end
            }
            numbers.push(number);
        }
        const reached = numberOf(next);
        for (const member of this.served) {
            const mine = events.filter(
                ({ type, topic }, i) =>
                    numbers[i] > member.number && (type === GAP || member.wants(topic)),
            );
            if (reached > member.number) Object.assign(member, { id: next, number: reached });
            if (!mine.length && Date.now() - member.toldAt < QUIET_MS) continue;
            member.toldAt = Date.now();
            member.post({ t: 'events', events: mine, id: member.id });
        }
        return true;
    }
}
