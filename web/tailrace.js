// SPDX-License-Identifier: MIT
// The client script: import { connect } from 'http://HUB/tailrace.js'. Served by the hub at that path only (its parts are
// found from there); from another origin the hub must allow that origin.
import { Stream } from './assets/stream.js';

export { Stream };

// One stream of one or more topics, kept alive over cut connections, sleep and restarts of the hub; see assets/stream.js for the states.
//
//   connect({ topics: ['status/**'], last: 1, onEvent: ({ id, topic, type, time, data }) => … })
//
// topics: names or patterns. last, since, filter: as in the HTTP API. key: an access key. url: the hub, when it is not where this script
// came from. onEvent, onGap({ from, to, reason }), onState(state, detail). Returns a Stream: close() ends it for good.
export function connect({ topics, last, since, filter, key, url = new URL('.', import.meta.url), ...handlers }) {
    const address = new URL('events', url);
    for (const topic of [topics].flat()) address.searchParams.append('topic', topic);
    for (const [name, value] of Object.entries({ last, since, filter, key })) {
        if (value !== undefined) address.searchParams.set(name, value);
    }
    address.searchParams.set('format', 'envelope');
    address.searchParams.set('control', '1');
    const stream = new Stream({ address: () => address, ...handlers });
    stream.start();
    return stream;
}
