// SPDX-License-Identifier: MIT
// CPU per delivery over the number of subscribers, as SVG. Both axes are logarithmic; each server
// has a line; readable on light and dark pages.
import { spread } from './table.mjs';

const WIDTH = 760;
const HEIGHT = 420;
const LEFT = 64;
const RIGHT = 150;
const TOP = 44;
const BOTTOM = 52;
// Distinguishable without colour: each line has its own dashes, and its name at its end.
const STYLES = {
    tailrace: ['#0b7a4b', '', 3.2],
    'raw-coalesce': ['#5b6470', '2 4', 1.8],
    'raw-send': ['#5b6470', '7 4', 1.8],
    nchan: ['#b3541e', '', 1.8],
    pushpin: ['#7a3fa0', '', 1.8],
    'better-sse': ['#1f5fbf', '', 1.8],
};

// [{server, points: [{x, y}]}] from results that are named by their number of subscribers.
export function plotSeries(results) {
    const byServer = new Map();
    for (const { subscribers, runs } of results) {
        for (const [server, list] of Object.entries(runs)) {
            const y = spread(list.map((one) => one.cpu_us_per_delivery ?? NaN));
            if (!y) continue;
            if (!byServer.has(server)) byServer.set(server, []);
            byServer.get(server).push({ x: subscribers, y: y.median });
        }
    }
    return [...byServer].map(([server, points]) => ({
        server,
        points: points.sort((a, b) => a.x - b.x),
    }));
}

function ticks(min, max) {
    const all = [];
    for (let decade = 10 ** Math.floor(Math.log10(min)); decade <= max * 1.001; decade *= 10) {
        for (const factor of [1, 2, 5]) {
            const value = decade * factor;
            if (value >= min * 0.999 && value <= max * 1.001) all.push(value);
        }
    }
    return all;
}

// Moves labels apart that would overlap.
function place(labels) {
    const sorted = labels.sort((a, b) => a.y - b.y);
    for (let i = 1; i < sorted.length; i++)
        sorted[i].y = Math.max(sorted[i].y, sorted[i - 1].y + 16);
    return sorted;
}

export function plot(series, caption) {
    const all = series.flatMap(({ points }) => points);
    const xs = [Math.min(...all.map(({ x }) => x)), Math.max(...all.map(({ x }) => x))];
    const ys = [Math.min(...all.map(({ y }) => y)) / 1.3, Math.max(...all.map(({ y }) => y)) * 1.3];
    const scale = (value, [min, max], from, to) =>
        from +
        ((Math.log(value) - Math.log(min)) / (Math.log(max) - Math.log(min) || 1)) * (to - from);
    const px = (x) => scale(x, xs, LEFT, WIDTH - RIGHT).toFixed(1);
    const py = (y) => scale(y, ys, HEIGHT - BOTTOM, TOP).toFixed(1);
    const out = [
        `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
        `<title>CPU of the server for each delivered event, over the number of subscribers</title>`,
        `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
        `<text x="${LEFT}" y="24" font-size="15" fill="#1b1f24">CPU per delivered event, µs (less is better; 100 bytes, 8 in flight)</text>`,
    ];
    for (const y of ticks(...ys)) {
        out.push(
            `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(y)}" y2="${py(y)}" stroke="#e2e5e9"/>`,
        );
        out.push(
            `<text x="${LEFT - 8}" y="${Number(py(y)) + 4}" text-anchor="end" fill="#4a525c">${+y.toPrecision(2)}</text>`,
        );
    }
    for (const x of [...new Set(all.map((point) => point.x))]) {
        out.push(
            `<text x="${px(x)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle" fill="#4a525c">${x.toLocaleString('en')}</text>`,
        );
    }
    out.push(
        `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle" fill="#4a525c">subscribers — ${caption}</text>`,
    );
    const labels = [];
    for (const { server, points } of series) {
        const [colour, dash, width] = STYLES[server] ?? ['#8a6d00', '1 3', 1.8];
        const path = points.map(({ x, y }) => `${px(x)},${py(y)}`).join(' ');
        out.push(
            `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="${width}"${dash && ` stroke-dasharray="${dash}"`}/>`,
        );
        for (const { x, y } of points)
            out.push(`<circle cx="${px(x)}" cy="${py(y)}" r="3.5" fill="${colour}"/>`);
        labels.push({
            y: Number(py(points.at(-1).y)) + 4,
            colour,
            text: `${server} ${points.at(-1).y.toFixed(1)}`,
        });
    }
    for (const { y, colour, text } of place(labels))
        out.push(
            `<text x="${WIDTH - RIGHT + 12}" y="${y.toFixed(1)}" fill="${colour}">${text}</text>`,
        );
    return `${out.join('\n')}\n</svg>\n`;
}
