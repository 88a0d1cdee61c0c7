// SPDX-License-Identifier: MIT
// Names and patterns of topics, by the rules of the hub.

export const isPattern = (/** @type {string} */ topic) => /(^|\/)\*\*?(\/|$)/.test(topic);

/**
 * Whether all are names, none a pattern.
 * @param {readonly string[]} topics
 */
export const isExact = (topics) => !topics.some(isPattern);

/**
 * A function that tells whether a topic matches one of the patterns; or whether one of them covers
 * a pattern.
 * @param {readonly string[]} patterns
 * @returns {(topic: string) => boolean}
 */
export function topicMatcher(patterns) {
    const escape = (/** @type {string} */ text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    const segment = (/** @type {string} */ text) => {
        if (text === '**') return '(/[^/]*)*';
        return `/${text === '*' ? '(?!\\*\\*(/|$))[^/]*' : escape(text)}`;
    };
    const each = patterns.map((pattern) => pattern.split('/').map(segment).join(''));
    const all = new RegExp(`^(${each.join('|')})$`);
    return (topic) => patterns.includes(topic) || all.test(`/${topic}`);
}

/**
 * Topics for one request, at most 100. Of more, the ends are replaced by a pattern (builds/**), and
 * the caller leaves out what it did not ask for.
 * @param {readonly string[]} topics
 */
export function foldTopics(topics) {
    let all = [...new Set(topics)];
    const tooMany = () =>
        all.length > 100 || (all.length > 1 && encodeURIComponent(all.join()).length > 6000);
    for (let depth = 127; tooMany(); depth--) {
        const cut = new RegExp(`^((?:[^/]*/){${depth}})[^]+$`);
        all = [...new Set(all.map((topic) => topic.replace(cut, '$1**')))];
    }
    return all.sort();
}
