// SPDX-License-Identifier: MIT
// The page: two icons, two cards, each with a stream of its own. What the pieces are for is in their files.
import { Card } from './card.js';
import { el } from './dom.js';
import { parseTime } from './format.js';
import { fetchTopics, hasKey, hubRoot, hubUrl, publishUrl, setKey, takeKey } from './hub.js';
import { LogView } from './log-view.js';
import { compareTopics, StatusView } from './status-view.js';
import { Stream } from './stream.js';

const LOG_LAST = 200;
const STATUS_LAST = 20;
const EMPTY_AFTER_MS = 400; // stored events follow the headers at once; what has nothing by then has nothing yet
const TOPICS_FRESH_MS = 5000;
const ALL_LOGS = 'logs/**';
const ALL_STATUSES = 'status/**';

const byId = (id) => document.getElementById(id);
const isStatus = (topic) => topic.startsWith('status/');
const isLog = (topic) => !isStatus(topic) && !topic.startsWith('$sys/');
const isPattern = (topic) => topic.split('/').some((segment) => segment === '*' || segment === '**');

// The topics that the page's address names: /t/TOPIC, /events?topic=A&topic=B, /?log=TOPIC.
function addressTopics() {
    const { pathname, searchParams } = new URL(location.href);
    const path = pathname.slice(hubRoot.pathname.length);
    if (path === 'events') return searchParams.getAll('topic');
    if (!path.startsWith('t/')) return searchParams.getAll('log');
    try {
        return [decodeURIComponent(path.slice(2))];
    } catch {
        return []; // not UTF-8: the hub knows no such topic
    }
}

function say(text) {
    byId('announce').textContent = text;
}

// "curl …" as somebody would type it for this hub, with the place of the key but not the key.
function curlLine(data, topic) {
    const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
    return el('pre', { class: 'curl', tabindex: '0' },
        `curl -d ${quoted(data)} ${hasKey() ? "-H 'X-Api-Key: KEY' " : ''}${quoted(publishUrl(topic))}`);
}

// What both cards do: a stream while open, a hint when it is live and has nothing.
class StreamCard {
    #card;
    #stream = null;
    #emptyTimer = 0;
    #name;

    constructor({ section, button, name }) {
        this.#name = name;
        this.#card = new Card({
            section,
            button,
            open: () => {
                say('');
                this.opened();
            },
            close: () => {
                this.disconnect();
                say(`${this.#name} closed: its connection has been ended.`);
            },
        });
    }

    get card() {
        return this.#card;
    }

    // address: () => URL
    connect(address) {
        this.disconnect();
        this.#stream = new Stream({
            address,
            onEvent: (event) => {
                this.#card.hint();
                this.event(event);
            },
            onGap: (gap) => this.gap(gap),
            onState: (state, detail) => this.#state(state, detail),
        });
        this.#stream.start();
    }

    disconnect() {
        clearTimeout(this.#emptyTimer);
        this.#stream?.close();
        this.#stream = null;
    }

    refused(error) {
        this.#state('refused', { status: error.status, reason: error.message });
    }

    #state(state, detail) {
        this.#card.setState(state, detail, (key) => {
            setKey(key);
            for (const one of cards) if (one.card.isOpen) one.opened();
        });
        clearTimeout(this.#emptyTimer);
        if (state !== 'live') return;
        this.#emptyTimer = setTimeout(() => {
            if (this.view.empty) this.#card.hint(...this.emptyHint());
        }, EMPTY_AFTER_MS);
    }
}

class LogCard extends StreamCard {
    view = new LogView({ root: byId('log-lines'), jump: byId('log-jump') });
    #select = byId('log-topic');
    #choices = []; // what #select offers: {label, topics}
    #listedAt = 0;
    #opening = 0;

    constructor() {
        super({ section: byId('log-card'), button: byId('open-log'), name: 'Log' });
        this.#select.addEventListener('change', () => this.#picked());
        this.#select.addEventListener('focus', () => this.#refresh());
    }

    async opened() {
        const opening = ++this.#opening;
        this.view.clear();
        this.card.setState('connecting', {});
        try {
            this.#list(await fetchTopics('**'));
        } catch (error) {
            if (opening !== this.#opening || !this.card.isOpen) return;
            if (error.status === 401) {
                this.refused(error);
                return;
            }
            this.#list([]); // the stream will say what is wrong, and recovers by itself
        }
        if (opening === this.#opening && this.card.isOpen) this.#subscribe();
    }

    disconnect() {
        this.#opening++;
        super.disconnect();
    }

    event({ id, topic, time, data }) {
        this.#offer(topic);
        this.view.append({ id, topic, time: parseTime(time), text: data });
    }

    gap({ reason }) {
        this.view.note(`Lines are missing here${reason ? ` (${reason})` : ''}: the hub does not have them any more.`);
    }

    emptyHint() {
        const { topics } = this.#choice();
        if (topics[0] !== ALL_LOGS) {
            return [el('p', {}, 'Nothing has been written to this log yet. What comes will appear here.')];
        }
        return [
            el('p', {}, 'This hub has no logs yet. Start it with a file, as in ',
                el('code', {}, 'tailrace FILE'), ', or publish a line:'),
            curlLine('hello', 'logs/hello'),
        ];
    }

    #choice() {
        return this.#choices[Number(this.#select.value)] ?? this.#choices[0];
    }

    // Builds the list anew; the address decides, then what was chosen before, then the first log.
    #list(topics) {
        const names = topics.map(({ topic }) => topic).filter(isLog).sort(compareTopics);
        const wanted = addressTopics().filter((topic) => !isStatus(topic));
        this.#listedAt = Date.now();
        this.#choices = [];
        this.#select.replaceChildren();
        for (const name of names) this.#add(name, [name]);
        this.#add('all logs', [ALL_LOGS]);
        if (wanted.length) this.#select.value = String(this.#find(wanted) ?? this.#add(wanted.join(', '), wanted));
        else this.#select.value = '0';
    }

    #add(label, topics) {
        this.#select.append(el('option', { value: String(this.#choices.length) }, label));
        return this.#choices.push({ label, topics }) - 1;
    }

    #find(topics) {
        const index = this.#choices.findIndex((choice) => choice.topics.join('\n') === topics.join('\n'));
        return index < 0 ? undefined : index;
    }

    #offer(topic) {
        if (this.#find([topic]) === undefined) this.#add(topic, [topic]);
    }

    // Topics made since the page was opened are added at the end; what is shown keeps its place.
    async #refresh() {
        if (Date.now() - this.#listedAt < TOPICS_FRESH_MS) return;
        this.#listedAt = Date.now();
        try {
            const topics = await fetchTopics('**');
            for (const { topic } of topics) if (isLog(topic)) this.#offer(topic);
        } catch {
            // The list stays as it was; the stream shows whether the hub is there.
        }
    }

    #picked() {
        const address = new URL(hubRoot);
        for (const topic of this.#choice().topics) address.searchParams.append('log', topic);
        history.replaceState(null, '', address);
        this.view.clear();
        this.card.hint();
        this.#subscribe();
    }

    #subscribe() {
        const { topics } = this.#choice();
        this.view.showTopics = topics.length > 1 || isPattern(topics[0]);
        this.connect(() => hubUrl('events', { topic: topics, last: LOG_LAST, format: 'envelope', control: 1 }));
    }
}

class StatusCard extends StreamCard {
    view = new StatusView({ root: byId('status-rows') });

    constructor() {
        super({ section: byId('status-card'), button: byId('open-status'), name: 'Status' });
    }

    opened() {
        this.view.clear();
        this.connect(() => hubUrl('events', {
            topic: ALL_STATUSES, last: STATUS_LAST, format: 'envelope', control: 1,
        }));
    }

    event({ topic, time, data }) {
        this.view.update({ topic, time: parseTime(time), data });
    }

    gap() {
        // A status is what it is now; older changes that are gone take nothing from that.
    }

    emptyHint() {
        return [el('p', {}, 'This hub has no statuses yet. Publish one:'), curlLine('running', 'status/build')];
    }
}

takeKey();
const cards = [new LogCard(), new StatusCard()];

document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    const open = cards.map(({ card }) => card).filter((card) => card.isOpen);
    (open.find((card) => card.hasFocus) ?? open.at(-1))?.close();
});

setInterval(() => {
    for (const { card, view } of cards) {
        if (!card.isOpen) continue;
        card.tick();
        view.tick?.();
    }
}, 1000);

// An address that names topics is opened on them.
const named = addressTopics();
if (named.some((topic) => !isStatus(topic))) cards[0].card.open();
if (named.some(isStatus)) cards[1].card.open();
