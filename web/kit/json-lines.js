// SPDX-License-Identifier: MIT
// Lines that are JSON: read on demand, a field by its path, unfolded as a tree of text nodes.
import { part } from './dom.js';

const CHARACTERS_MAX = 2_000_000; // a longer line is not unfolded
const NODES_MAX = 3000; // of one tree
const DEPTH_MAX = 32;
const CELL_MAX = 300; // characters of a pinned field

/**
 * The object or array that the line is, or null.
 * @param {string} text
 * @returns {object | null}
 */
export function parseJson(text) {
    const start = text.charCodeAt(0);
    if ((start !== 0x7b /* { */ && start !== 0x5b) /* [ */ || text.length > CHARACTERS_MAX)
        return null;
    try {
        const value = JSON.parse(text);
        return typeof value === 'object' ? value : null;
    } catch {
        return null;
    }
}

/**
 * Whether it is worth an attempt to parse the text: a cheap test.
 * @param {string} text
 */
export function looksLikeJson(text) {
    const start = text.charCodeAt(0);
    if (start !== 0x7b && start !== 0x5b) return false;
    return /[}\]]\s*$/.test(text.slice(-20));
}

/**
 * The value at a path such as "a.b.0". A key that itself has dots goes before the path.
 * @param {unknown} value
 * @param {string} path
 * @returns {unknown}
 */
export function field(value, path) {
    if (value === null || typeof value !== 'object') return undefined;
    const object = /** @type {Record<string, unknown>} */ (value);
    if (Object.hasOwn(object, path)) return object[path];
    for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
        const head = path.slice(0, dot);
        if (!Object.hasOwn(object, head)) continue;
        const found = field(object[head], path.slice(dot + 1));
        if (found !== undefined) return found;
    }
    return undefined;
}

/** @param {unknown} value */
export function cellText(value) {
    if (value === undefined) return '';
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return text.length > CELL_MAX ? `${text.slice(0, CELL_MAX)}…` : text;
}

/**
 * The value as a tree. Keys of fields are buttons (data-field) that pin them; `pinned` are those
 * that are pinned. write() appends text as text.
 * @param {object} value
 * @param {readonly string[]} pinned
 * @param {(parent: Element, text: string) => void} write
 */
export function jsonTree(value, pinned, write) {
    const root = part('div', 'log-json');
    let left = NODES_MAX;
    const key = (/** @type {string} */ name, /** @type {string} */ path) => {
        const button = part('button', 'json-key');
        write(button, name);
        button.type = 'button';
        button.dataset.field = path;
        const isPinned = pinned.includes(path);
        button.setAttribute('aria-pressed', String(isPinned));
        button.title = isPinned ? `Unpin ${path}` : `Pin ${path} as a column`;
        return button;
    };
    /**
     * @param {unknown} item
     * @param {string | null} name
     * @param {string} path
     * @param {number} depth
     * @param {boolean} isField
     */
    const add = (item, name, path, depth, isField) => {
        if (left-- <= 0) return;
        const row = part('div', 'json-row');
        row.style.paddingInlineStart = `${depth * 2}ch`;
        if (name !== null)
            row.append(
                isField ? key(name, path) : part('span', 'json-index', name),
                part('span', 'json-colon', ': '),
            );
        root.append(row);
        if (item === null || typeof item !== 'object') {
            const leaf = part('span', `json-${item === null ? 'null' : typeof item}`);
            write(leaf, typeof item === 'string' ? item : String(item));
            row.append(leaf);
            return;
        }
        const entries = Object.entries(item);
        if (entries.length === 0 || depth >= DEPTH_MAX) {
            row.append(part('span', 'json-empty', Array.isArray(item) ? '[]' : '{}'));
            return;
        }
        if (name === null) row.remove();
        else
            row.append(
                part('span', 'json-empty', Array.isArray(item) ? `[${entries.length}]` : ''),
            );
        for (const [k, v] of entries)
            add(
                v,
                k,
                path ? `${path}.${k}` : k,
                depth + (name === null ? 0 : 1),
                !Array.isArray(item),
            );
    };
    add(value, null, '', 0, true);
    if (left < 0) root.append(part('div', 'json-row json-empty', '… and more'));
    return root;
}
