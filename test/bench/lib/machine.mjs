// SPDX-License-Identifier: MIT
// What a figure depends on apart from the code: the machine and the versions.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

function output(...command) {
    const result = spawnSync(command[0], command.slice(1), { encoding: 'utf8' });
    return result.error ? '' : `${result.stdout}${result.stderr}`.trim();
}

function packageVersion(name) {
    const [state, version] = output(
        'dpkg-query',
        '-W',
        '-f',
        '${db:Status-Status} ${Version}',
        name,
    ).split(' ');
    return state === 'installed' ? version : null;
}

function peers() {
    const versions = {};
    const nchan = packageVersion('libnginx-mod-nchan');
    if (nchan)
        versions.nchan = `${nchan} in nginx ${packageVersion('nginx-light') ?? packageVersion('nginx')}`;
    const pushpin = packageVersion('pushpin');
    if (pushpin) versions.pushpin = pushpin;
    try {
        const url = new URL('../peers/node_modules/better-sse/package.json', import.meta.url);
        versions['better-sse'] =
            `${JSON.parse(readFileSync(url)).version} on Node ${process.version}`;
    } catch {
        // not installed
    }
    return versions;
}

export function machine(context) {
    const release = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    return {
        date: new Date().toISOString().slice(0, 10),
        hub: output(context.hub, 'version').split('\n')[0],
        processor: os.cpus()[0].model.trim(),
        cores: context.cores.length,
        server_core: context.serverCore,
        client_core: context.clientCore,
        memory_gb: Math.round(os.totalmem() / 2 ** 30),
        system: `${release}, Linux ${os.release().match(/^[\d.]+/)[0]}`,
        file_system: execFileSync('stat', ['-f', '-c', '%T', context.tmp], {
            encoding: 'utf8',
        }).trim(),
        descriptors: context.descriptors,
        compiler: output('gcc', '--version').split('\n')[0],
        peers: peers(),
        load_before: os.loadavg()[0],
    };
}

export function headLines(info) {
    return [
        `${info.date}: ${info.hub}; ${info.compiler}`,
        `${info.processor}, ${info.cores} cores (server on ${info.server_core}, client on ${info.client_core}), ${info.memory_gb} GB; ${info.system}; ${info.file_system}; at most ${info.descriptors} descriptors a process`,
        `peers: ${
            Object.entries(info.peers)
                .map(([name, version]) => `${name} ${version}`)
                .join(', ') || 'none installed'
        }`,
        ...(info.load_before > 0.5
            ? [`the machine was not idle before: load ${info.load_before.toFixed(2)}`]
            : []),
    ];
}
