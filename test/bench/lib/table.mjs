// SPDX-License-Identifier: MIT
// Results as Markdown: medians with min and max.

function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export function spread(values) {
    const known = values.filter(Number.isFinite);
    if (!known.length) return null;
    return { median: median(known), min: Math.min(...known), max: Math.max(...known) };
}

function short(value) {
    const size = Math.abs(value);
    if (size >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
    if (size >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
    if (size >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
    if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
    return value.toFixed(2);
}

function cell(values) {
    const s = spread(values);
    if (!s) return '–';
    return s.min === s.max
        ? short(s.median)
        : `${short(s.median)} [${short(s.min)}–${short(s.max)}]`;
}

const row = (cells) => `| ${cells.join(' | ')} |`;

export function aligned(rows) {
    const widths = rows[0].map((_, column) =>
        Math.max(...rows.map((cells) => cells[column].length)),
    );
    const pad = (cells) => row(cells.map((text, column) => text.padEnd(widths[column])));
    return [pad(rows[0]), row(widths.map((width) => '-'.repeat(width))), ...rows.slice(1).map(pad)];
}

export function caseTable(result) {
    const { columns, runs } = result;
    const head = ['', ...columns.map(([, text, unit]) => (unit ? `${text}, ${unit}` : text))];
    const rows = Object.entries(runs).map(([server, list]) => {
        const good = list.filter((one) => !one.error);
        const mark = list.some((one) => one.error)
            ? ' (failed)'
            : list.some((one) => one.faults)
              ? ' (!)'
              : '';
        return [server + mark, ...columns.map(([name]) => cell(good.map((one) => one[name])))];
    });
    const notes = Object.entries(runs).flatMap(([server, list]) =>
        list
            .filter((one) => one.error || one.faults)
            .map((one) => `(!) ${server}: ${one.error ?? one.faults}`),
    );
    return [...aligned([head, ...rows]), ...new Set(notes)];
}

// One line for each target: {number, text, median, min, max, limit, met}.
export function verdicts(result) {
    return result.targets.map(({ text, most, least, value }) => {
        const values = [];
        for (let round = 0; round < result.rounds; round++) {
            const runs = Object.fromEntries(
                Object.entries(result.runs).map(([name, list]) => [name, list[round]]),
            );
            try {
                values.push(value(runs));
            } catch {
                // a server of this round is missing
            }
        }
        const s = spread(values);
        const failed = Object.entries(result.runs).some(
            ([name, list]) =>
                !result.mayLose.has(name) &&
                !result.peers.has(name) &&
                list.some((one) => one.error || one.faults),
        );
        const limit = most !== undefined ? `≤ ${most}` : `≥ ${least}`;
        const met =
            Boolean(s) && !failed && (most !== undefined ? s.median <= most : s.median >= least);
        return { number: result.number, name: result.name, text, ...s, limit, met, failed };
    });
}

export function verdictTable(list) {
    const rows = list.map((v) => [
        String(v.number ?? ''),
        v.name,
        v.text,
        v.median === undefined ? '–' : short(v.median),
        v.median === undefined ? '–' : `${short(v.min)}–${short(v.max)}`,
        v.limit,
        v.failed ? 'FAILED' : v.met ? 'met' : 'missed',
    ]);
    return aligned([['', 'case', 'what', 'median', 'min–max', 'target', ''], ...rows]);
}
