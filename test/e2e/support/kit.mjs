// SPDX-License-Identifier: MIT
// Subscriptions of the client script in pages, and what they have heard.
import { connect, timing } from '../../../web/kit/tailrace.js';
import { scaled } from './scope.mjs';
import { Recorder } from './wait.mjs';

// A page of the hub's own origin with nothing on it.
export const blank = (browser, hub) => browser.open(hub.to('/healthz'));

// Begins one in a page: {count(n), data(), states(), …}. `times` replaces times of the script's
// `timing`; it is theirs to keep.
export async function subscribe(
    page,
    options,
    { script = '/tailrace.js', times = {}, single = false } = {},
) {
    const name = `sub${Math.random().toString(36).slice(2)}`;
    await page.evaluate(
        async ([from, at, given, shortened, one]) => {
            const kit = await import(new URL(from, location.href));
            Object.assign(kit.timing, shortened);
            const heard = { events: [], batches: 0, gaps: [], states: [] };
            window[at] = heard;
            const take = one
                ? { onEvent: (event) => heard.events.push(event) }
                : {
                      onEvents: (events) => {
                          heard.batches++;
                          for (const event of events) heard.events.push(event);
                      },
                  };
            heard.subscription = kit.connect({
                ...given,
                ...take,
                onGap: (gap) => heard.gaps.push(gap),
                onState: (state, detail) => heard.states.push({ state, ...detail, at: Date.now() }),
            });
        },
        [script, name, options, times, single],
    );
    const ask = (what) =>
        page.evaluate(
            ([at, text]) => {
                const heard = window[at];
                return {
                    data: heard.events.map((event) => event.data),
                    id: heard.subscription.lastId,
                    now: heard.subscription.state,
                    ...heard,
                }[text];
            },
            [name, what],
        );
    const wait = (what, value, limit = 30_000) =>
        page.waitForFunction(
            ([at, text, wanted]) => {
                const heard = window[at];
                if (text === 'count') return heard.events.length >= wanted;
                if (text === 'gaps') return heard.gaps.length >= wanted;
                if (text === 'now') return heard.subscription.state === wanted;
                return heard.states.slice(wanted.from).find(({ state }) => state === wanted.state);
            },
            [name, what, value],
            { timeout: scaled(limit), polling: 20 },
        );
    return {
        name,
        events: () => ask('events'),
        data: () => ask('data'),
        states: () => ask('states'),
        gaps: () => ask('gaps'),
        batches: () => ask('batches'),
        id: () => ask('id'),
        now: () => ask('now'),
        count: (n, limit) => wait('count', n, limit),
        gap: () => wait('gaps', 1),
        is: (state, limit) => wait('now', state, limit),
        // A state that was told after the first `from`; its detail.
        told: async (state, from = 0) => (await wait('told', { state, from })).jsonValue(),
        close: () => page.evaluate((at) => window[at].subscription.close(), name),
    };
}

// The same in this process: {events, data, states, gaps} are Recorders of what it hears.
export function subscribeHere(scope, options, times = {}) {
    Object.assign(timing, times);
    const heard = { events: new Recorder(), gaps: new Recorder(), states: new Recorder() };
    heard.subscription = connect({
        shared: false,
        ...options,
        onEvent: (event) => heard.events.push(event),
        onGap: (gap) => heard.gaps.push(gap),
        onState: (state, detail) => heard.states.push({ state, ...detail, at: Date.now() }),
    });
    scope.defer(() => heard.subscription.close());
    heard.is = (state, from = 0) =>
        heard.states.waitFor(
            (items) => items.slice(from).find((item) => item.state === state),
            `the state ${state}`,
        );
    heard.count = (n) => heard.events.waitCount(n);
    Object.defineProperty(heard, 'data', {
        get: () => heard.events.items.map((event) => event.data),
    });
    return heard;
}
