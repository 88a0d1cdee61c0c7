// SPDX-License-Identifier: MIT
// The viewer's tool bar: what is shown, find, filter, levels, pause and follow, looks, taking
// along. It only shows state and reports actions; viewer.js acts.
import { LEVELS } from '../kit/levels.js';
import { tagColor } from '../kit/log-time.js';
import { el, setText } from '../kit/dom.js';
import { emptyState } from './address.js';
import { icon } from './icons.js';
import { rangeText } from './log-times.js';
import { Popup } from './popup.js';
import { isPattern } from './session.js';

/** @import { LogMatches } from '../kit/live-log.js' */
/** @import { Filter, Find, ViewState } from './address.js' */
/** @import { IconName } from './icons.js' */
/** @import { Looks } from './log-panes.js' */

/**
 * @typedef {object} ToolsListener
 * @property {(action: string) => void} act by the names of keys.js
 * @property {(filter: Filter) => void} filter
 * @property {(find: Find) => void} find
 * @property {(looks: Looks) => void} looks
 * @property {(columns: string[]) => void} columns
 * @property {(topics: string[]) => void} pick
 */

/** @typedef {'regex' | 'caseSensitive' | 'invert'} Toggle */

/**
 * A field to type in, with its toggles.
 * @typedef {object} Fields
 * @property {HTMLInputElement} text
 * @property {HTMLButtonElement} regex
 * @property {HTMLButtonElement} caseSensitive
 * @property {HTMLButtonElement} [invert]
 */

/** @type {Toggle[]} */
const TOGGLES = ['regex', 'caseSensitive', 'invert'];

const TYPING_MS = 150;

/** @type {[level: string, name: string][]} */
const LEVEL_CHOICES = [
    ...LEVELS.map((level) => /** @type {[string, string]} */ ([level, level])),
    ['none', 'without a level'],
];
const BAD_LEVELS = ['fatal', 'error', 'warn'];

/**
 * A button with a sign and a word; the word is left out where there is no room.
 * @param {string} id
 * @param {IconName} sign
 * @param {string} word
 * @param {string} title
 * @param {() => void} [onclick]
 */
function tool(id, sign, word, title, onclick) {
    return el(
        'button',
        { type: 'button', class: 'tool', id, title, 'aria-label': word, onclick },
        icon(sign),
        el('span', { class: 'word' }, word),
    );
}

/**
 * @param {string} id
 * @param {string} text
 * @param {string} title
 */
function toggle(id, text, title) {
    return el(
        'button',
        {
            type: 'button',
            class: 'toggle',
            id,
            title,
            'aria-label': `${title} (${text})`,
            'aria-pressed': 'false',
        },
        text,
    );
}

const pressed = (/** @type {Element} */ button) => button.getAttribute('aria-pressed') === 'true';

export class LogTools {
    #root;
    #on;
    #state = emptyState();
    /** @type {Looks} */
    #looks = { time: 'absolute', utc: false, wrap: true, whole: false };
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #typing;
    #title = el('div', { class: 'shown', id: 'shown' });
    #side = tool('side', 'side', 'Topics', 'Show or hide the list of topics (b)', () =>
        this.#on.act('side'),
    );
    #split = tool('split', 'split', 'Side by side', '', () => this.#on.act('split'));
    #pause = tool('pause', 'pause', 'Pause', 'Let the lines stand still; new ones wait (p)', () =>
        this.#on.act('pause'),
    );
    #follow = tool('follow', 'end', 'Follow', 'To the newest line, and stay there (G)', () =>
        this.#on.act('end'),
    );
    #find = {
        text: el('input', {
            type: 'search',
            id: 'find-text',
            placeholder: 'Find in these lines',
            'aria-label': 'Find in these lines',
            autocomplete: 'off',
            spellcheck: 'false',
        }),
        regex: toggle('find-regex', '.*', 'Find: a regular expression'),
        caseSensitive: toggle('find-case', 'Aa', 'Find: capitals matter'),
    };
    #count = el('span', { class: 'find-count', id: 'find-count' });
    #searchAll = tool(
        'search-all',
        'stored',
        'Search all stored lines',
        'Search everything the hub keeps, not only what is loaded here (s)',
        () => this.#on.act('search'),
    );
    #filter = {
        text: el('input', {
            type: 'search',
            id: 'filter-text',
            placeholder: 'Show only lines with',
            'aria-label': 'Show only lines with',
            autocomplete: 'off',
            spellcheck: 'false',
        }),
        regex: toggle('filter-regex', '.*', 'Filter: a regular expression'),
        caseSensitive: toggle('filter-case', 'Aa', 'Filter: capitals matter'),
        invert: toggle(
            'filter-invert',
            '≠',
            'Filter: hide the lines that match, show the others (i)',
        ),
    };
    #finders = tool('finders', 'search', 'Find and filter', 'Find, filter, search', () =>
        this.#showFinders(!this.#root.classList.contains('finding')),
    );
    #levels = tool(
        'levels',
        'levels',
        'Levels',
        'Show only some levels: errors, warnings … (e: warnings and errors)',
    );
    #times = tool('times', 'clock', 'Time', 'A range of time, go to a time (r)');
    #download;
    #timesPanel;

    /**
     * @param {object} options
     * @param {HTMLElement} options.root
     * @param {ToolsListener} options.on
     * @param {(panel: HTMLElement) => void} options.download fills that popup
     * @param {(panel: HTMLElement) => void} options.times fills that popup
     */
    constructor({ root, on, download, times }) {
        this.#root = root;
        this.#on = on;
        const look = tool('view-menu', 'sliders', 'View', 'Times, wrapping, columns');
        const save = tool(
            'download',
            'download',
            'Download',
            'Download these lines, or all that are stored (d)',
        );
        root.append(
            el(
                'div',
                { class: 'tools tools-top', role: 'toolbar', 'aria-label': 'What is shown' },
                this.#side,
                this.#title,
                this.#split,
                el('span', { class: 'spring' }),
                this.#finders,
                this.#pause,
                this.#follow,
                this.#times,
                look,
                tool('copy', 'copy', 'Copy', 'Copy the lines that are shown (y)', () =>
                    this.#on.act('copy'),
                ),
                tool(
                    'link',
                    'link',
                    'Share',
                    'Copy a link to what you see: topics, filter, selected line (l)',
                    () => this.#on.act('link'),
                ),
                save,
            ),
            el(
                'div',
                { class: 'tools tools-find', role: 'toolbar', 'aria-label': 'Find and filter' },
                el(
                    'div',
                    { class: 'field', id: 'find' },
                    icon('search'),
                    this.#find.text,
                    this.#count,
                    this.#find.caseSensitive,
                    this.#find.regex,
                    el(
                        'button',
                        {
                            type: 'button',
                            class: 'toggle',
                            id: 'find-previous',
                            title: 'Previous match (N)',
                            'aria-label': 'Previous match',
                            onclick: () => this.#on.act('previous'),
                        },
                        icon('up'),
                    ),
                    el(
                        'button',
                        {
                            type: 'button',
                            class: 'toggle',
                            id: 'find-next',
                            title: 'Next match (n)',
                            'aria-label': 'Next match',
                            onclick: () => this.#on.act('next'),
                        },
                        icon('down'),
                    ),
                ),
                this.#searchAll,
                el(
                    'div',
                    { class: 'field', id: 'filter' },
                    icon('filter'),
                    this.#filter.text,
                    this.#filter.caseSensitive,
                    this.#filter.regex,
                    this.#filter.invert,
                ),
                this.#levels,
            ),
        );
        new Popup(this.#levels, {
            label: 'Levels',
            build: (panel) => this.#buildLevels(panel),
        });
        new Popup(look, {
            label: 'View',
            build: (panel) => this.#buildLooks(panel),
        });
        this.#download = new Popup(save, { label: 'Download', build: download });
        this.#timesPanel = new Popup(this.#times, { label: 'Time', build: times });
        this.#listen();
    }

    get searches() {
        return this.#searchAll.getAttribute('aria-pressed') === 'true';
    }

    /**
     * Whether the first field is for everything that is stored, and Enter searches there.
     * @param {boolean} searches
     */
    set searches(searches) {
        this.#searchAll.setAttribute('aria-pressed', String(searches));
        const word = searches ? 'Search all stored lines' : 'Find in these lines';
        this.#find.text.placeholder = word;
        this.#find.text.setAttribute('aria-label', word);
        this.#find.text.parentElement?.classList.toggle('searching', searches);
    }

    focusFind() {
        this.#showFinders(true);
        this.#find.text.focus();
        this.#find.text.select();
    }

    focusFilter() {
        this.#showFinders(true);
        this.#filter.text.focus();
        this.#filter.text.select();
    }

    /**
     * Where there is little room the fields are shown when they are asked for.
     * @param {boolean} shown
     */
    #showFinders(shown) {
        this.#root.classList.toggle('finding', shown);
        this.#finders.setAttribute('aria-expanded', String(shown));
    }

    openDownload() {
        this.#download.open();
    }

    openTimes() {
        this.#timesPanel.open();
    }

    closeTimes() {
        this.#timesPanel.close();
    }

    closeDownload() {
        this.#download.close();
    }

    /**
     * @param {ViewState} state
     * @param {Looks} looks
     */
    show(state, looks) {
        this.#state = state;
        this.#looks = looks;
        this.#showFields(this.#find, state.find);
        this.#showFields(this.#filter, state.filter);
        this.#filter.text.parentElement?.classList.toggle('on', state.filter.text !== '');
        this.#filter.text.placeholder = state.filter.invert
            ? 'Hide lines with'
            : 'Show only lines with';
        const range = rangeText(state.range);
        this.#finders.classList.toggle(
            'on',
            Boolean(state.filter.text || state.filter.levels || state.find.text || range),
        );
        const { levels } = state.filter;
        this.#levels.classList.toggle('on', levels !== null);
        setWord(this.#levels, 'Levels', levels === null ? '' : levelsText(levels));
        this.#times.classList.toggle('on', range !== '');
        setWord(this.#times, 'Time', range);
        this.#showTitle(state);
        this.#enable(state.topics.length > 0);
        const several = state.topics.length > 1;
        this.#split.hidden = !several;
        this.#split.replaceChildren(
            icon(state.split ? 'merge' : 'split'),
            el('span', { class: 'word' }, state.split ? 'Merge' : 'Side by side'),
        );
        this.#split.title = state.split
            ? 'All in one: history in the order of time, new lines as they come (m)'
            : 'Each in a column of its own (m)';
        this.#split.setAttribute('aria-label', state.split ? 'Merge' : 'Side by side');
    }

    /**
     * Without a log there is nothing to find, to pause or to download.
     * @param {boolean} enabled
     */
    #enable(enabled) {
        /** @type {NodeListOf<HTMLButtonElement | HTMLInputElement>} */
        const controls = this.#root.querySelectorAll('.tools > button, .field > *');
        for (const control of controls) control.disabled = !enabled && control !== this.#side;
    }

    /**
     * @param {Fields} fields
     * @param {Find & { invert?: boolean }} values
     */
    #showFields(fields, values) {
        // Not under the reader's hands.
        if (document.activeElement !== fields.text && fields.text.value !== values.text)
            fields.text.value = values.text;
        for (const name of TOGGLES)
            fields[name]?.setAttribute('aria-pressed', String(values[name]));
    }

    /** @param {{ follow: boolean, paused: boolean }} log */
    showFollow({ follow, paused }) {
        const following = String(follow && !paused);
        if (this.#follow.getAttribute('aria-pressed') !== following)
            this.#follow.setAttribute('aria-pressed', following);
        const shown = paused ? 'play' : 'pause';
        if (this.#pause.dataset.shows === shown) return;
        this.#pause.dataset.shows = shown;
        this.#pause.setAttribute('aria-pressed', String(paused));
        this.#pause.setAttribute('aria-label', paused ? 'Go on' : 'Pause');
        this.#pause.title = paused
            ? 'Show what has come in the meantime, and go on (p)'
            : 'Let the lines stand still; new ones wait (p)';
        this.#pause.replaceChildren(
            icon(shown),
            el('span', { class: 'word' }, paused ? 'Go on' : 'Pause'),
        );
    }

    /** @param {LogMatches | null} matches of the active pane; null when nothing is looked for */
    showMatches(matches) {
        const { count, index, busy } = matches ?? { count: 0, index: -1, busy: false };
        const at = index >= 0 ? (index + 1).toLocaleString('en') : '–';
        let text = '';
        if (matches && count > 0) text = `${at}/${count.toLocaleString('en')}${busy ? '…' : ''}`;
        else if (matches) text = busy ? '…' : 'none';
        setText(this.#count, text);
        this.#find.text.parentElement?.classList.toggle(
            'in-vain',
            Boolean(matches) && count === 0 && !busy,
        );
    }

    /**
     * @param {'filter' | 'query'} of
     * @param {string | null} error why the pattern cannot be used; null when it can
     */
    showError(of, error) {
        const { text } = of === 'filter' ? this.#filter : this.#find;
        text.parentElement?.classList.toggle('wrong', Boolean(error));
        text.setAttribute('aria-invalid', String(Boolean(error)));
        text.title = error ?? '';
    }

    #listen() {
        this.#listenTo(this.#find, () => this.#tellFind());
        this.#listenTo(this.#filter, () => this.#tellFilter());
        this.#find.text.addEventListener('keydown', (event) => {
            if (event.key !== 'Enter') return;
            event.preventDefault();
            this.#tellFind();
            const searches = event.ctrlKey || event.metaKey || this.searches;
            this.#on.act(searches ? 'search' : event.shiftKey ? 'previous' : 'next');
        });
    }

    /**
     * @param {Fields} fields
     * @param {() => void} tell
     */
    #listenTo(fields, tell) {
        fields.text.addEventListener('input', () => {
            clearTimeout(this.#typing);
            this.#typing = setTimeout(tell, TYPING_MS);
        });
        // Enter is for somebody who does not want to wait.
        fields.text.addEventListener('change', tell);
        for (const name of TOGGLES) {
            const button = fields[name];
            button?.addEventListener('click', () => {
                button.setAttribute('aria-pressed', String(!pressed(button)));
                tell();
            });
        }
    }

    /** @param {Fields} fields */
    #read(fields) {
        return {
            text: fields.text.value,
            regex: pressed(fields.regex),
            caseSensitive: pressed(fields.caseSensitive),
        };
    }

    #tellFind() {
        clearTimeout(this.#typing);
        const find = this.#read(this.#find);
        if (!same(find, this.#state.find)) this.#on.find(find);
    }

    #tellFilter() {
        clearTimeout(this.#typing);
        const filter = {
            ...this.#read(this.#filter),
            invert: pressed(this.#filter.invert),
            levels: this.#state.filter.levels,
        };
        if (!same(filter, this.#state.filter)) this.#on.filter(filter);
    }

    /** @param {ViewState} state */
    #showTitle({ topics }) {
        const chip = (/** @type {string} */ topic) => {
            const node = el(
                'span',
                { class: 'chip', 'data-topic': topic, title: topic },
                isPattern(topic) ? null : el('span', { class: 'topic-dot' }),
                el('span', { class: 'chip-name' }, topic),
                topics.length > 1
                    ? el(
                          'button',
                          {
                              type: 'button',
                              title: `Take ${topic} out`,
                              'aria-label': `Take ${topic} out`,
                              onclick: () =>
                                  this.#on.pick(topics.filter((other) => other !== topic)),
                          },
                          icon('close'),
                      )
                    : null,
            );
            node.style.setProperty('--tag-light', tagColor(topic, false));
            node.style.setProperty('--tag-dark', tagColor(topic, true));
            return node;
        };
        const shown = topics.join('\n');
        if (this.#title.dataset.topics === shown) return;
        this.#title.dataset.topics = shown;
        this.#title.replaceChildren(
            topics.length === 1
                ? el('h1', { class: 'chip-name', title: topics[0] }, topics[0])
                : el('h1', { class: 'off-screen' }, topics.join(', ')),
            ...(topics.length > 1 ? topics.map(chip) : []),
        );
    }

    /** @param {HTMLElement} panel */
    #buildLevels(panel) {
        const { filter } = this.#state;
        /** @type {Map<string, HTMLInputElement>} */
        const boxes = new Map();
        const set = (/** @type {string[]} */ levels) => {
            const isAll = levels.length === 0 || levels.length === LEVEL_CHOICES.length;
            this.#on.filter({ ...this.#state.filter, levels: isAll ? null : new Set(levels) });
        };
        /**
         * @param {string} word
         * @param {string[]} levels
         */
        const several = (word, levels) => {
            const onclick = () => {
                for (const [level, box] of boxes) box.checked = levels.includes(level);
                set(levels);
            };
            return el('button', { type: 'button', class: 'plain', onclick }, word);
        };
        const all = LEVEL_CHOICES.map(([level]) => level);
        const read = () => [...boxes].filter(([, box]) => box.checked).map(([level]) => level);
        panel.append(
            el('h2', {}, 'Levels to show'),
            ...LEVEL_CHOICES.map(([level, name]) => {
                const box = el('input', { type: 'checkbox', name: level });
                box.checked = filter.levels === null || filter.levels.has(level);
                box.addEventListener('change', () => set(read()));
                boxes.set(level, box);
                return el('label', { class: 'choice', 'data-level': level }, box, name);
            }),
            el(
                'div',
                { class: 'choices' },
                several('Warnings and errors', BAD_LEVELS),
                several('All', all),
            ),
            el(
                'p',
                { class: 'quiet' },
                'A level is read from the line itself: "ERROR", "level=warn", a field of JSON.',
            ),
        );
    }

    /** @param {HTMLElement} panel */
    #buildLooks(panel) {
        const { time, utc, wrap, whole } = this.#looks;
        const change = (/** @type {Partial<Looks>} */ part) =>
            this.#on.looks({ ...this.#looks, ...part });
        /**
         * @param {Looks['time']} value
         * @param {string} word
         */
        const radio = (value, word) => {
            const box = el('input', { type: 'radio', name: 'time', value });
            box.checked = time === value;
            box.addEventListener('change', () => change({ time: value }));
            return el('label', { class: 'choice' }, box, word);
        };
        /**
         * @param {'utc' | 'wrap' | 'whole'} name
         * @param {string} word
         * @param {boolean} on
         */
        const check = (name, word, on) => {
            const box = el('input', { type: 'checkbox', name });
            box.checked = on;
            box.addEventListener('change', () => change({ [name]: box.checked }));
            return el('label', { class: 'choice' }, box, word);
        };
        const columns = el('input', {
            type: 'text',
            name: 'columns',
            id: 'columns',
            value: this.#state.columns.join(', '),
            placeholder: 'status, path',
            autocomplete: 'off',
            spellcheck: 'false',
        });
        columns.addEventListener('change', () =>
            this.#on.columns(
                columns.value
                    .split(',')
                    .map((part) => part.trim())
                    .filter(Boolean),
            ),
        );
        panel.append(
            el('h2', {}, 'Times (t)'),
            radio('absolute', 'Clock, as 14:03:09.512'),
            radio('relative', 'How long ago, as 12 s ago'),
            radio('arrival', 'When the hub got the line'),
            radio('none', 'None'),
            check('utc', 'UTC instead of local time (u)', utc),
            el(
                'p',
                { class: 'quiet' },
                "The line's own time, where it has one. In italics: when the hub got a line that " +
                    'has none. A time without a zone is shown as it was written.',
            ),
            el('h2', {}, 'Lines'),
            check('wrap', 'Wrap long lines (w)', wrap),
            check('whole', 'JSON and long lines whole, nothing folded (x)', whole),
            el('h2', {}, el('label', { for: 'columns' }, 'Fields of JSON lines as columns')),
            columns,
            el(
                'p',
                { class: 'quiet' },
                'Names, with commas between them. Or open a JSON line and pin a field there.',
            ),
        );
    }
}

/**
 * @param {object} a
 * @param {object} b
 */
function same(a, b) {
    const other = new Map(Object.entries(b));
    return Object.entries(a).every(([name, value]) => other.get(name) === value);
}

/**
 * What a tool is set to stands in place of its word.
 * @param {HTMLElement} button
 * @param {string} word
 * @param {string} value '' where it is set to nothing
 */
function setWord(button, word, value) {
    const node = button.querySelector('.word');
    if (node) setText(node, value || word);
    button.setAttribute('aria-label', value ? `${word}: ${value}` : word);
}

/** @param {Set<string>} levels */
function levelsText(levels) {
    if (BAD_LEVELS.every((level) => levels.has(level)) && levels.size === BAD_LEVELS.length)
        return 'Warnings, errors';
    return levels.size === 1 ? [...levels][0] : `${levels.size} levels`;
}
