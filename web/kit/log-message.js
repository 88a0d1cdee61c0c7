// SPDX-License-Identifier: MIT
// The message of a line that is JSON, or that a container runtime has wrapped: what a row shows as
// long as it is folded.
import { field, looksLikeJson, parseJson } from './json-lines.js';

const CHARACTERS_MAX = 100_000; // a longer line is shown as it is
const WRAPPED_MAX = 3; // wrappers around each other

// Where programs write it, the more certain names first. Paths reach into objects.
const NAMES = [
    'msg', // pino, bunyan, zap, slog, logrus, Caddy, MongoDB
    'message', // zerolog, Winston, logstash, ECS, GCP, Spring
    '@m', // Serilog's CLEF
    '@message', // HashiCorp
    'short_message', // GELF
    'event', // structlog
    'textPayload', // Google Cloud
    'jsonPayload.message',
    'fields.message', // tracing
    'record.message', // loguru
    'RenderedMessage', // Serilog
    'MESSAGE', // systemd's journal
    'Message', // .NET
    'body', // OpenTelemetry
    'body.stringValue',
    'Body',
    'text',
    '@mt', // CLEF: only the template
    'MessageTemplate',
];

// Kubernetes' CRI: TIME STREAM TAGS TEXT.
const CRI = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) std(?:out|err) [FP](?::\w+)* /;

/**
 * The line inside of what a container runtime writes around it (Docker's json-file, CRI); null for
 * any other line.
 * @param {string} text
 */
export function unwrapped(text) {
    const cri = CRI.exec(text);
    if (cri) return text.slice(cri[0].length);
    if (!text.startsWith('{"log":"') || text.length > CHARACTERS_MAX) return null;
    const value = parseJson(text);
    const log = value && field(value, 'log');
    if (typeof log !== 'string' || !value || !Object.hasOwn(value, 'stream')) return null;
    return log.replace(/\r?\n$/, '');
}

/**
 * The message, which may have escape sequences of its own; null when the line is no JSON, or has no
 * message that is a text.
 * @param {string} text without escape sequences
 */
export function messageOf(text) {
    if (text.length > CHARACTERS_MAX) return null;
    let inner = text;
    for (let depth = 0; depth < WRAPPED_MAX; depth++) {
        const next = unwrapped(inner);
        if (next === null) break;
        inner = next;
    }
    const value = looksLikeJson(inner) ? parseJson(inner) : null;
    if (value && !Array.isArray(value)) {
        for (const name of NAMES) {
            const found = field(value, name);
            if (typeof found === 'string' && found.trim() !== '') return found;
        }
    }
    return inner === text || inner.trim() === '' ? null : inner;
}
