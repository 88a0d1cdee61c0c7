// SPDX-License-Identifier: MIT
// The crash loop: one data directory and one hub that is killed with -9 at a random moment of each
// round and started again, while publishers repeat until they are acknowledged, long uploads are
// cut, a followed log is rotated in every way, topics are finished and deleted, retention trims,
// and subscribers resume. All is compared with a model of it, event by event.
//
// CRASH_SEED=… repeats a run's decisions (not its timing), CRASH_ROUNDS=… says how many rounds;
// SOAK=1 is 200 of them.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { slowRequest } from './support/http.mjs';
import { Hub, parseId } from './support/hub.mjs';
import { LogFile } from './support/logfile.mjs';
import { Follower, Topic, note } from './support/model.mjs';
import { tailrace } from './support/process.mjs';
import { Random } from './support/random.mjs';
import { scaled, scenario } from './support/scope.mjs';
import { Recorder, until, within } from './support/wait.mjs';

const SEED = process.env.CRASH_SEED ?? String(randomInt(2 ** 32));
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? (process.env.SOAK === '1' ? 200 : 20));
const LIMIT_MS = 30_000;

// From the middle on retention has a bound for all together. It is more than a round publishes, so
// that a key is kept for as long as its event is repeated.
const BOUND_FROM = Math.ceil(ROUNDS / 2);
const BOUND_COUNT = 6000;
const SHORT_COUNT = 40;
const CONFIG = {
    stream: { retry: '50ms', drain: '100ms', ring_events: 512 },
    topics: [
        { match: 'crash/short/count', retention: { count: SHORT_COUNT } },
        { match: 'crash/short/bytes', retention: { bytes: '16KB' } },
        { match: 'memory/**', durability: 'memory' },
    ],
    log: { level: 'warn' },
};
// Files of the log that stay after a rotation.
const KEEP = 20;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, scaled(ms)));
const inJson = { accept: 'application/json' };

// What is going on: the hub, the random numbers, and how much of the work given is done.
class World {
    actors = [];
    given = 0;
    done = 0;
    over = false;
    bound = false; // retention has a bound for all together
    struck = false; // it is to be killed at once
    repeated = 0;
    progress = new Recorder();

    constructor(scope, random) {
        this.scope = scope;
        this.random = random;
        scope.defer(() => this.end());
        scope.onFailure(() => `--- at work: ${this.busy}`);
    }

    end() {
        this.over = true;
        this.progress.wake();
    }

    // The first failure ends all waiting.
    fail(error) {
        this.error ??= error;
        this.progress.finish(error.message);
    }

    async waitFor(condition, what, limit = LIMIT_MS) {
        try {
            await this.progress.waitFor(condition, what, limit);
        } catch (error) {
            throw this.error ?? error;
        }
    }

    idle() {
        return this.waitFor(() => this.done === this.given, 'the work of the round');
    }

    // What was acknowledged just now is the best moment for a kill.
    strike() {
        this.struck = true;
        this.progress.wake();
    }

    // What each actor is at.
    get busy() {
        return this.actors.filter((actor) => actor.done < actor.given).map((actor) => actor.name);
    }

    // Repeats a request until its answer settles it: {answer, tries}
    async insist(what, ask) {
        let tries = 0;
        const answer = await until(
            async () => {
                tries++;
                const last = await ask(tries);
                return last.status !== 503 && last;
            },
            what,
            LIMIT_MS,
        );
        this.repeated += tries - 1;
        return { answer, tries };
    }
}

// Does what it is given, one piece of work after the other.
class Actor {
    given = 0;
    done = 0;

    constructor(world, name) {
        this.world = world;
        this.name = name;
        this.random = world.random.fork(name);
        world.actors.push(this);
        this.run().catch((error) => world.fail(error));
    }

    give(count) {
        this.given += count;
        this.world.given += count;
        this.world.progress.wake();
    }

    async run() {
        const { world } = this;
        for (;;) {
            await world.waitFor(
                () => world.over || this.done < this.given,
                'more work',
                10 * LIMIT_MS,
            );
            if (world.over) return;
            await this.work();
            this.done++;
            world.done++;
            world.progress.wake();
        }
    }

    // A number and some text, now and then of several pages.
    text(number) {
        const length = this.random.chance(0.02)
            ? this.random.between(4000, 20_000)
            : this.random.below(160);
        return `${number} ${'lorem ipsüm '.repeat(length / 12 + 1).slice(0, length)}`;
    }
}

// Single events, each with a key.
class Publisher extends Actor {
    constructor(world, name) {
        super(world, name);
        this.topic = new Topic(name);
    }

    async work() {
        const { world, topic } = this;
        const number = topic.entries.length + 1;
        const entry = topic.add(this.text(number));
        const { answer, tries } = await world.insist(`the answer to ${topic.name}`, () =>
            world.hub.post(`/t/${topic.name}?id=k${number}`, entry.data),
        );
        assert.equal(answer.status, 200, answer.text);
        const { id, duplicate } = answer.json();
        assert.ok(!duplicate || tries > 1, `${topic.name}: nothing was published before`);
        note(entry, id);
    }
}

// Events of a topic that is not on the disk. Those of before are lost, their ids are not used
// again.
class MemoryPublisher extends Actor {
    ids = [];

    async work() {
        const { answer } = await this.world.insist('the answer to memory', () =>
            this.world.hub.post('/t/memory/x', 'x'),
        );
        assert.equal(answer.status, 200, answer.text);
        this.ids.push(answer.json().id);
        if (this.random.chance(0.03)) this.world.strike();
    }
}

// Lines in long requests. With keys the whole request is repeated after a cut. Without, it asks for
// the last line that is stored and goes on behind it.
class Uploader extends Actor {
    constructor(world, name, { keys }) {
        super(world, name);
        this.topic = new Topic(name);
        this.keys = keys;
    }

    // One attempt. `cut`: it may give up in the middle.
    async send(entries, query, cut) {
        const upload = slowRequest(
            this.world.scope,
            this.world.hub.to(`/t/${this.topic.name}?split=lines${query}`),
        );
        let over = false;
        const end = () => (over = true);
        upload.answer.then(end, end);
        const body = entries.map(({ data }) => `${data}\n`).join('');
        for (let at = 0; at < body.length && !over;) {
            const length = 1 + this.random.below(body.length / 6);
            upload.write(body.slice(at, (at += length)));
            if (cut && this.random.chance(0.02)) upload.destroy();
            // A long request: some of them are open when the hub is killed.
            await pause(this.random.below(12));
        }
        if (!over) upload.end();
        return within(upload.answer, 'the answer to an upload', LIMIT_MS);
    }

    // The entries that the hub does not have.
    async missing(entries) {
        const answer = await this.world.hub.get(`/t/${this.topic.name}?last=1`, inJson);
        if (answer.status !== 200) throw new Error(answer.text);
        const stored = Number(answer.json().events[0]?.data.split(' ')[0] ?? 0);
        return entries.filter((entry) => entry.index >= stored);
    }

    async work() {
        const { topic, keys, world } = this;
        const first = topic.entries.length;
        const entries = Array.from({ length: this.random.between(50, 300) }, (_, i) =>
            topic.add(this.text(first + i + 1)),
        );
        let rest = entries;
        const { answer } = await world.insist(`the answer to ${topic.name}`, async (tries) => {
            if (keys) return this.send(entries, `&id=from-${first}`, true);
            if (tries > 1) rest = await this.missing(entries);
            return rest.length ? this.send(rest, '', false) : { status: 204 };
        });
        if (answer.status === 204) return;
        assert.equal(answer.status, 200, answer.text);
        const done = answer.json();
        assert.equal(done.count, rest.length, 'the lines of an upload');
        note(rest[0], done.first);
        note(rest.at(-1), done.last);
    }
}

// A program that writes a log, and what rotates it, in all ways, whether the hub is there or not.
class Writer extends Actor {
    topic = new Topic('crash/log');
    did = [];
    #ends = []; // how many lines there were at each rotation
    #began = 0; // how many when the file's content began

    constructor(world, file) {
        super(world, 'log');
        this.log = new LogFile(file, { keep: KEEP });
        world.scope.onFailure(() => `--- the log: ${this.did.slice(-30).join(', ')}`);
    }

    // For the report of a failure.
    note(what) {
        this.did.push(`${what} at ${this.topic.entries.length}`);
    }

    lines() {
        const first = this.topic.entries.length;
        return Array.from(
            { length: this.random.between(1, 60) },
            (_, i) => `${this.topic.add(this.text(first + i + 1)).data}\n`,
        ).join('');
    }

    async work() {
        const text = this.lines();
        const cut = this.random.below(text.length);
        this.log.append(text.slice(0, cut));
        await new Promise(setImmediate);
        this.log.append(text.slice(cut));
        if (this.random.chance(0.4)) this.rotate();
        await pause(this.random.below(8));
    }

    // In a way that the documented limits permit.
    rotate() {
        const written = this.topic.entries.length;
        const seen = this.follower.seen(this.topic);
        // What has no name any more cannot be read after a crash.
        if ((this.#ends.at(-KEEP) ?? 0) > seen) return;
        const ways = ['rename', 'late'];
        // Something of what is truncated must have been read.
        if (seen > this.#began) ways.push('truncate');
        if (seen === written) ways.push('remove');
        const way = this.random.pick(ways);
        this.note(`${way} (seen ${seen})`);
        if (way === 'truncate') {
            this.log.copyTruncate();
        } else if (way === 'remove') {
            this.log.remove();
            this.log.create();
        } else if (way === 'late') {
            // The program still has the old file, until the new one is there.
            const old = openSync(this.log.path, 'a');
            this.log.rotate({ create: false });
            writeSync(old, this.lines());
            closeSync(old);
            this.log.create();
        } else {
            this.log.rotate();
        }
        this.#began = this.topic.entries.length;
        if (way !== 'remove') this.#ends.push(this.#began);
    }
}

// A topic that is published to, finished and deleted, over and over. What was acknowledged stays
// so.
class Life extends Actor {
    #life = 1;
    #events = 0;
    #closed = false;

    constructor(world, name) {
        super(world, name);
        this.topic = new Topic(name);
    }

    // The topic is as the last answer has left it.
    async verify() {
        const { topic, world } = this;
        const { answer } = await world.insist(`the state of ${topic.name}`, () =>
            world.hub.get(`/t/${topic.name}?last=all`, inJson),
        );
        const { topics, events } = answer.json();
        topic.compare(events, { whole: !world.bound });
        assert.equal(topics[0]?.closed ?? false, this.#closed, `whether ${topic.name} is finished`);
        if (!this.#closed) return;
        const { answer: refused } = await world.insist('an event for a finished topic', () =>
            world.hub.post(`/t/${topic.name}`, 'late'),
        );
        assert.equal(refused.status, 409, refused.text);
        if (!this.follower.ended) return;
        // Who has had the end is told not to come again, unless the hub is stopping.
        const { answer: end } = await world.insist('the end for a subscriber', async () => {
            const answer = await world.hub.get(`/t/${topic.name}`, {
                accept: 'text/event-stream',
                'last-event-id': this.follower.lastId,
            });
            return answer.text.includes('shutting down') ? { status: 503 } : answer;
        });
        assert.equal(end.status, 204, end.text);
    }

    async publish(close) {
        const { topic, world } = this;
        const number = ++this.#events;
        const entry = topic.add(this.text(`${this.#life}.${number}`));
        // The keys are those of the lives before.
        const { answer, tries } = await world.insist(`the answer to ${topic.name}`, () =>
            world.hub.post(`/t/${topic.name}?id=k${number}${close ? '&close' : ''}`, entry.data),
        );
        assert.equal(answer.status, 200, answer.text);
        const { id, duplicate } = answer.json();
        assert.ok(!duplicate || tries > 1, `${topic.name}: a key of a deleted event`);
        note(entry, id);
        this.#closed = close;
        if (close) this.strike();
    }

    strike() {
        if (this.random.chance(0.3)) this.world.strike();
    }

    // Without an event.
    async finish() {
        const { topic, world } = this;
        const entry = topic.add('', { hidden: true });
        const { answer, tries } = await world.insist(`the end of ${topic.name}`, () =>
            world.hub.post(`/t/${topic.name}?close`),
        );
        if (answer.status !== 409 || tries === 1) {
            assert.equal(answer.status, 200, answer.text);
            note(entry, answer.json().id);
        }
        this.#closed = true;
        this.strike();
    }

    async delete() {
        const { topic, world } = this;
        const { answer, tries } = await world.insist(`the deletion of ${topic.name}`, () =>
            world.hub.delete(`/t/${topic.name}`),
        );
        const none = topic.from === topic.entries.length && !this.#closed;
        if (!none || answer.status !== 404)
            assert.ok(answer.status === 204 || tries > 1, `${answer.status} ${answer.text}`);
        this.strike();
        topic.deleteAll();
        this.#life++;
        this.#events = 0;
        this.#closed = false;
        this.follower.ended = false;
        if (this.follower.isOpen) this.follower.open();
    }

    async work() {
        await this.verify();
        const what = this.random.next();
        if (this.#closed || what < 0.15) await this.delete();
        else if (what < 0.25) await this.finish();
        else await this.publish(what < 0.35);
    }
}

// --- the loop ------------------------------------------------------------------------------------

class CrashLoop {
    kills = 0;

    constructor(scope) {
        this.scope = scope;
        this.world = new World(scope, new Random(SEED));
        this.random = this.world.random.fork('loop');
    }

    async start() {
        const { scope, world } = this;
        const names = ['crash/a', 'crash/b', 'crash/c', 'crash/short/count', 'crash/short/bytes'];
        this.publishers = [...names, 'status/often'].map((name) => new Publisher(world, name));
        this.once = new Publisher(world, 'status/once');
        this.memory = new MemoryPublisher(world, 'memory');
        this.uploaders = [
            new Uploader(world, 'crash/keys', { keys: true }),
            new Uploader(world, 'crash/asks', { keys: false }),
        ];
        this.lives = ['crash/life/a', 'crash/life/b'].map((name) => new Life(world, name));
        this.writer = new Writer(world, path.join(scope.tempDir(), 'app.log'));
        const sources = [{ file: this.writer.log.path, topic: 'crash/log', backfill: 'all' }];
        this.config = { ...CONFIG, sources, retention: { count: 0, bytes: 0 } };
        this.hub = world.hub = await Hub.start(scope, { config: this.config });

        const owners = [...this.publishers, this.once, ...this.uploaders, ...this.lives];
        this.actors = [...owners, this.writer];
        this.topics = this.actors.map((actor) => actor.topic);
        this.followers = this.actors.map((actor) => {
            actor.follower = this.follow(`/t/${actor.topic.name}?last=all`, [actor.topic]);
            return actor.follower;
        });
        const all = '/events?topic=crash/**&topic=status/**&last=all&format=envelope';
        this.followers.push(this.follow(all, this.topics));
        this.once.give(1);
    }

    follow(target, topics) {
        const fail = (error) => this.world.fail(error);
        const follower = new Follower(this.scope, this.hub, target, topics, fail);
        follower.open();
        return follower;
    }

    giveWork() {
        const { random } = this;
        for (const publisher of this.publishers) publisher.give(random.between(2, 20));
        for (const uploader of this.uploaders) uploader.give(random.between(1, 2));
        for (const life of this.lives) life.give(random.between(2, 6));
        this.memory.give(random.between(10, 40));
        this.writer.give(random.between(2, 12));
    }

    // Some subscribers go, some come back. The log's stays: it says what may be rotated.
    changeFollowers() {
        for (const follower of this.followers) {
            if (follower === this.writer.follower || !this.random.chance(0.3)) continue;
            if (follower.isOpen) follower.close();
            else follower.open();
        }
    }

    async checkData() {
        const result = await tailrace(this.scope, ['check', '--data', this.hub.data]);
        assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
    }

    // It ends by the kill, unless it was to stop anyway.
    async kill(stopping = false) {
        await this.hub.kill9();
        const { code, signal } = this.hub.process.result;
        assert.ok(signal === 'SIGKILL' || (stopping && code === 0), `it ended: ${code ?? signal}`);
        this.kills++;
    }

    async crash() {
        const { random, hub, world } = this;
        const stopping = !world.struck && random.chance(0.2);
        if (stopping) {
            hub.process.signal('SIGTERM');
            await pause(random.below(60));
        }
        await this.kill(stopping);
        this.writer.note('kill');
        if (random.chance(0.5)) {
            // The log goes on, and is rotated, while nobody follows it.
            this.writer.give(random.between(1, 4));
            await world.waitFor(() => this.writer.done === this.writer.given, 'the log to go on');
        }
        if (random.chance(0.2)) await this.checkData();
        while (random.chance(0.25)) {
            hub.spawn();
            await pause(random.below(40));
            await this.kill();
        }
        await hub.launch();
        this.writer.note('started');
        // A hub that is stopping asks subscribers to stay away for half a minute.
        if (stopping) for (const each of this.followers) if (each.isOpen) each.open();
    }

    async round() {
        const { random, world } = this;
        this.changeFollowers();
        this.giveWork();
        do {
            const target = world.done + random.below(world.given - world.done);
            world.struck = false;
            await world.waitFor(() => world.done >= target || world.struck, 'a moment to kill it');
            await this.crash();
        } while (random.chance(0.3) && world.done < world.given);
        await world.idle();
    }

    async stored(topic) {
        const answer = await this.hub.get(`/t/${topic.name}?last=all`, {
            accept: 'application/x-ndjson',
        });
        assert.equal(answer.status, 200, answer.text);
        return answer.text
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line));
    }

    async compareTopic(topic) {
        const events = await this.stored(topic);
        const whole = !this.world.bound && !topic.name.startsWith('crash/short/');
        topic.compare(events, { whole });
        const mayBeEmpty = topic.kept.length === 0 || topic.name.startsWith('crash/life/');
        assert.ok(events.length > 0 || mayBeEmpty, `${topic.name} has its newest event`);
        if (topic.name !== 'crash/short/count') return true;
        const least = this.world.bound ? 1 : Math.min(topic.kept.length, SHORT_COUNT);
        assert.ok(events.length >= least, `${events.length} events of ${topic.name}`);
        return events.length <= SHORT_COUNT;
    }

    // Whether retention has taken the oldest of all and nothing else, but for rules and newest
    // events.
    get isOldestGone() {
        let taken = 0n;
        let left = null;
        for (const { name, kept, from } of this.topics) {
            if (/short|life/.test(name)) continue;
            const first = kept.findIndex((entry) => entry.index >= from);
            const [last, next] = [kept[first - 1], kept[first]].map(
                (entry) => entry?.id && parseId(entry.id).seq,
            );
            if (last && last > taken) taken = last;
            if (first < kept.length - 1 && (left === null || next < left)) left = next;
        }
        return left === null || taken < left;
    }

    // Everything is as the model says, when retention has done its work.
    async compare() {
        const { world } = this;
        await world.idle();
        await this.writer.follower.caughtUp(LIMIT_MS);
        await until(async () => {
            let within = true;
            for (const topic of this.topics) within = (await this.compareTopic(topic)) && within;
            const count = this.topics.reduce((sum, { kept, from }) => {
                return sum + kept.filter((entry) => entry.index >= from).length;
            }, 0);
            if (world.bound && count > BOUND_COUNT + this.topics.length) return false;
            return within && this.isOldestGone;
        }, 'retention');
        for (const follower of this.followers) {
            if (!follower.isOpen) follower.open();
            await follower.caughtUp(LIMIT_MS);
        }
        // What retention has taken since is known now.
        for (const topic of this.topics) await this.compareTopic(topic);
        for (const follower of this.followers) follower.verify();
        if (world.error) throw world.error;
    }

    compareIds() {
        const ids = [...this.memory.ids];
        for (const { entries } of this.topics) for (const { id } of entries) if (id) ids.push(id);
        assert.equal(new Set(ids).size, ids.length, 'an id was given out twice');
        assert.equal(new Set(ids.map((id) => parseId(id).epoch)).size, 1, 'one epoch');
    }

    bound() {
        this.world.bound = true;
        this.hub.configure({ ...this.config, retention: { count: BOUND_COUNT, bytes: 0 } });
    }
}

scenario(
    `${ROUNDS} rounds of kill -9: nothing acknowledged is lost, nothing comes twice`,
    { limit: LIMIT_MS + ROUNDS * 10_000 },
    async (s, t) => {
        s.onFailure(() => `--- to see it again: CRASH_SEED=${SEED} CRASH_ROUNDS=${ROUNDS}`);
        const loop = new CrashLoop(s);
        await loop.start();
        for (let round = 1; round <= ROUNDS; round++) {
            if (round === BOUND_FROM) {
                await loop.compare();
                loop.bound();
            }
            await loop.round();
        }
        await loop.compare();
        loop.compareIds();
        loop.world.end();
        await loop.hub.stop();
        await loop.checkData();
        const count = loop.topics.reduce((sum, { entries }) => sum + entries.length, 0);
        const gaps = loop.followers.reduce((sum, follower) => sum + follower.gaps.length, 0);
        t.diagnostic(
            `seed ${SEED}: ${loop.kills} kills, ${count} events, ${loop.world.repeated} requests ` +
                `repeated, ${gaps} gaps told`,
        );
    },
);
