// SPDX-License-Identifier: MIT
// Figures of the domain program: one line for each shape and number of subscribers.
import { run } from './process.mjs';

export async function domainLines(program, core, subscribers = 1_000_000) {
    const text = await run(core, [program, String(subscribers)]);
    return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
}

export async function domain(program, core) {
    const lines = await domainLines(program, core);
    const one = lines.filter((line) => line.shape === 'one');
    const small = one[0];
    const large = one.at(-1);
    return {
        faults: '',
        lines,
        delivery_ns_1000: small.delivery_ns,
        delivery_ns_1000000: large.delivery_ns,
        event_ms_1000000: large.event_us / 1000,
        heartbeat_ns_1000: small.heartbeat_ns,
        heartbeat_ns_1000000: large.heartbeat_ns,
        leave_ms_1000000: large.leave_us / 1000,
        bytes_each: large.bytes_each,
        leave_ns_1000: small.leave_ns,
        leave_ns_1000000: large.leave_ns,
        walk_ns_1000: small.walk_ns,
        walk_ns_1000000: large.walk_ns,
        miss_ns_1000: small.miss_ns,
        miss_ns_1000000: large.miss_ns,
        // The cost of reaching so much memory is subtracted: for a heartbeat, an empty loop over
        // the same places; for leaving, where nothing tells which subscriber is next, one access
        // that has to be waited for.
        growth_delivery: large.delivery_ns / small.delivery_ns,
        growth_heartbeat:
            (large.heartbeat_ns - (large.walk_ns - small.walk_ns)) / small.heartbeat_ns,
        growth_leave:
            Math.max(small.leave_ns, large.leave_ns - (large.miss_ns - small.miss_ns)) /
            small.leave_ns,
        growth_bytes: large.bytes_each / small.bytes_each,
    };
}
