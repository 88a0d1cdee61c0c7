// SPDX-License-Identifier: MIT
// The hub's own page as tests see it. Rows are drawn only near the viewport: what is loaded is
// asked of the elements.
import assert from 'node:assert/strict';
import { scaled } from './scope.mjs';

const LONG = { timeout: scaled(60_000) };

// Of the connection, as the page's head shows it.
export const state = (page, wanted) =>
    page.waitForSelector(`#connection[data-state="${wanted}"]`, LONG);

// The loaded lines of a pane; with `shown` only those that its filter lets through.
export const lines = (page, { shown = false, pane = 0 } = {}) =>
    page.evaluate(
        ([wanted, index]) =>
            [...document.querySelectorAll('live-log')[index].lines({ shown: wanted })].map(
                ({ data }) => data,
            ),
        [shown, pane],
    );

export const waitLines = (page, count, { pane = 0 } = {}) =>
    page.waitForFunction(
        ([n, i]) => document.querySelectorAll('live-log')[i]?.lineCount >= n,
        [count, pane],
        LONG,
    );

export const waitShown = (page, count) =>
    page.waitForFunction((n) => document.querySelector('live-log')?.shownCount === n, count, LONG);

// What can be read in the rows on the screen, without those only kept ready around it.
export const rows = (page, { pane = 0 } = {}) =>
    page.evaluate((index) => {
        const log = document.querySelectorAll('live-log')[index];
        const frame = log.getBoundingClientRect();
        return [...log.shadowRoot.querySelectorAll('.log-line')]
            .map((node) => ({ node, ...node.getBoundingClientRect().toJSON() }))
            .filter(({ top, bottom }) => bottom > frame.top + 1 && top < frame.bottom - 1)
            .sort((a, b) => a.top - b.top)
            .map(({ node }) => node.querySelector('.log-text').textContent);
    }, pane);

// The row on or near the screen that says exactly this, or null.
const rowHandle = (page, text, options) =>
    page.waitForFunction(
        (wanted) => {
            const logs = [...document.querySelectorAll('live-log')];
            const all = logs.flatMap((log) => [...log.shadowRoot.querySelectorAll('.log-line')]);
            return (
                all.find((node) => node.querySelector('.log-text')?.textContent === wanted) ?? null
            );
        },
        text,
        options,
    );

export const waitRow = (page, text) => rowHandle(page, text, LONG);

export async function clickRow(page, text) {
    const handle = await rowHandle(page, text, LONG);
    await handle.asElement().click();
}

export const waitWord = (page, topic, word) =>
    page.waitForSelector(`.card[data-topic="${topic}"][data-word="${word}"]`, LONG);

export const topicRow = (topic) => `#picker .topic[data-topic="${topic}"]`;

// Opens a topic by its row in the list.
export const pick = (page, topic) => page.click(`${topicRow(topic)} .topic-open`);

export async function assertClean(page, allowed = []) {
    const unexpected = page.problems.filter(
        (text) => !allowed.some((pattern) => pattern.test(text)),
    );
    assert.deepEqual(unexpected, []);
    assert.deepEqual(await page.evaluate(() => window.violations), []);
}

// What a browser says when its hub has been killed.
export const HUB_GONE =
    /ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|CONNECTION_RESET|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)/;
