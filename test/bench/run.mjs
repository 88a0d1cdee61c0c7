// SPDX-License-Identifier: MIT
// The benchmark: every case with every installed server. Each run has a fresh server. Runs are
// interleaved, so that a change in the machine's speed affects all servers. Prints Markdown, writes
// JSON, and for a whole run the plot.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { cases } from './lib/cases.mjs';
import { headLines, machine } from './lib/machine.mjs';
import { plot, plotSeries } from './lib/plot.mjs';
import { cores } from './lib/process.mjs';
import { external, servers } from './lib/servers.mjs';
import { caseTable, verdictTable, verdicts } from './lib/table.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PLOTTED = { 'fanout-100-w8': 100, 'fanout-1000-w8': 1000, 'fanout-w8': 10000 };

const USAGE = `usage: run.mjs --tools DIR --hub PROGRAM [--cases A,B] [--runs N] [--peers A,B]
               [--peer NAME,publish-url,subscribe-url,pid] [--json FILE] [--tmp DIR] [--document] [--list]
  --peers     only these of the other hubs; "none" for none
  --document  put figures and plot into doc/PERFORMANCE.md and doc/images/`;

function options() {
    const string = { type: 'string' };
    const { values } = parseArgs({
        options: {
            tools: string,
            hub: string,
            cases: string,
            runs: { type: 'string', default: '3' },
            peers: string,
            peer: { type: 'string', multiple: true, default: [] },
            json: string,
            tmp: { type: 'string', default: process.env.TMPDIR ?? '/var/tmp' },
            document: { type: 'boolean', default: false },
            list: { type: 'boolean', default: false },
        },
    });
    if (values.list) {
        for (const one of cases) console.log(`${one.name.padEnd(18)} ${one.title}`);
        process.exit(0);
    }
    if (!values.tools || !values.hub || !(Number(values.runs) > 0)) throw new Error(USAGE);
    return values;
}

function chosenCases(names) {
    if (!names) return cases;
    return names.split(',').map((name) => {
        const found = cases.find((one) => one.name === name);
        if (!found)
            throw new Error(
                `no case ${name}; there are ${cases.map((one) => one.name).join(', ')}`,
            );
        return found;
    });
}

function makeContext(values) {
    const usable = cores();
    const known = servers();
    for (const text of values.peer) known.set(...external(text));
    return {
        tools: path.resolve(values.tools),
        hub: path.resolve(values.hub),
        tmp: mkdtempSync(path.join(values.tmp, 'tailrace-bench-')),
        cores: usable,
        serverCore: usable.at(-1),
        clientCore: usable[0],
        descriptors:
            Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' })) || 1_000_000,
        servers: known,
        serial: 0,
    };
}

// Names of the servers for the case, including those of the command line.
function serversOf(context, one, only) {
    const named = one.servers.some((name) => context.servers.get(name)?.peer)
        ? [...one.servers, ...[...context.servers.keys()].filter((name) => !servers().has(name))]
        : one.servers;
    return named.filter((name) => {
        const server = context.servers.get(name);
        if (!server) return true; // no server at all: the case has a program of its own
        if (server.peer && only && !only.includes(name)) return false;
        return !server.missing();
    });
}

async function measure(context, one, name) {
    try {
        return await one.measure(context, name);
    } catch (error) {
        return { error: error.message.split('\n')[0].slice(0, 300) };
    }
}

async function runCase(context, one, rounds, only) {
    const names = serversOf(context, one, only);
    const runs = Object.fromEntries(names.map((name) => [name, []]));
    const count = one.once ? 1 : rounds;
    for (let round = 0; round < count; round++) {
        for (const name of names) {
            process.stderr.write(`  ${one.name} ${round + 1}/${count} ${name}            \r`);
            runs[name].push(await measure(context, one, name));
        }
    }
    const marked = (mark) => new Set(names.filter((name) => context.servers.get(name)?.[mark]));
    return { ...one, rounds: count, runs, peers: marked('peer'), mayLose: marked('mayLose') };
}

function missing(context) {
    return [...context.servers].flatMap(([name, server]) => {
        const what = server.missing();
        return what ? [`${name} is not measured: ${what} is not installed (make bench-deps)`] : [];
    });
}

function putDocument(lines, svg) {
    const file = path.join(ROOT, 'doc/PERFORMANCE.md');
    const text = readFileSync(file, 'utf8');
    const marks = /(<!-- figures: begin -->\n)[^]*(<!-- figures: end -->)/;
    if (!marks.test(text)) throw new Error('doc/PERFORMANCE.md has no place for the figures');
    writeFileSync(
        file,
        text.replace(marks, (_, begin, end) => `${begin}\n${lines.join('\n')}\n\n${end}`),
    );
    if (!svg) return;
    mkdirSync(path.join(ROOT, 'doc/images'), { recursive: true });
    writeFileSync(path.join(ROOT, 'doc/images/fan-out.svg'), svg);
}

async function main() {
    const values = options();
    const context = makeContext(values);
    const lines = [];
    const say = (...more) => {
        lines.push(...more);
        for (const line of more) console.log(line);
    };
    const results = [];
    const started = Date.now();
    process.on('exit', () => rmSync(context.tmp, { recursive: true, force: true }));
    const info = machine(context);
    say(
        ...headLines(info).map((line) => `* ${line}`),
        ...missing(context).map((line) => `* ${line}`),
    );
    const only = values.peers?.split(',');
    for (const one of chosenCases(values.cases)) {
        const result = await runCase(context, one, Number(values.runs), only);
        results.push(result);
        say('', `**${one.name}**: ${one.title}`, '', ...caseTable(result));
    }
    const all = results.flatMap(verdicts);
    if (all.length) say('', '**Targets**', '', ...verdictTable(all));
    const json = values.json ?? path.join(context.tools, 'results.json');
    const plain = results.map(({ name, number, title, rounds, runs }) => ({
        name,
        number,
        title,
        rounds,
        runs,
    }));
    writeFileSync(json, JSON.stringify({ machine: info, cases: plain, targets: all }, null, 1));
    const plotted = results.filter(({ name }) => PLOTTED[name]);
    const series = plotSeries(
        plotted.map(({ name, runs }) => ({ subscribers: PLOTTED[name], runs })),
    );
    const svg = plotted.length > 1 ? plot(series, `${info.processor}, ${info.date}`) : null;
    if (svg) writeFileSync(path.join(context.tools, 'fan-out.svg'), svg);
    if (values.document) putDocument(lines, svg);
    console.log(`\n${Math.round((Date.now() - started) / 1000)} s; ${json}`);
    process.exitCode = all.some((one) => one.failed) ? 1 : 0;
}

main().catch((error) => {
    console.error(error.message);
    process.exitCode = 64;
});
