// SPDX-License-Identifier: MIT
// Lines that are JSON (RFC 8259): read on demand, a field by its path, unfolded as a tree of text
// nodes.
//
// What a line says is shown as it stands there. A number that a double would change (a large
// integer, 1.10, 1e5, -0) is a JsonNumber with the text of the line; of an object whose keys are
// there twice, or would come in another order, the entries are kept beside it.
import { part } from './dom.js';

const CHARACTERS_MAX = 2_000_000; // a longer line is not unfolded
const NESTED_MAX = 500; // of one that is read
const NODES_MAX = 3000; // of one tree
const DEPTH_MAX = 32;
const CELL_MAX = 300; // characters of a pinned field

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
/** @type {Record<string, boolean | null>} */
const WORDS = { true: true, false: false, null: null };

/** A number that is not the same when JavaScript writes it. */
export class JsonNumber {
    #text;

    /** @param {string} text */
    constructor(text) {
        this.#text = text;
    }

    toString() {
        return this.#text;
    }
}

/** @typedef {[key: string, value: unknown][]} Entries */
/** @type {WeakMap<object, Entries>} */
const written = new WeakMap(); // of objects that do not tell themselves

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
        return new Reader(text).whole();
    } catch (error) {
        if (error instanceof SyntaxError) return null;
        throw error;
    }
}

class Reader {
    #text;
    #at = 0;
    #depth = 0;

    /** @param {string} text */
    constructor(text) {
        this.#text = text;
    }

    whole() {
        const value = /** @type {object} */ (this.#value());
        this.#take(SPACE);
        if (this.#at < this.#text.length) this.#fail();
        return value;
    }

    /** @returns {never} */
    #fail() {
        throw new SyntaxError(`not JSON at ${this.#at}`);
    }

    /** @param {RegExp} pattern a sticky one */
    #take(pattern) {
        pattern.lastIndex = this.#at;
        const found = pattern.exec(this.#text)?.[0] ?? '';
        this.#at += found.length;
        return found;
    }

    /** @param {string} sign */
    #has(sign) {
        this.#take(SPACE);
        if (this.#text[this.#at] !== sign) return false;
        this.#at++;
        return true;
    }

    /** @returns {unknown} */
    #value() {
        if (this.#has('{')) return this.#nested('}', () => this.#object());
        if (this.#has('[')) return this.#nested(']', () => this.#array());
        if (this.#has('"')) return this.#string();
        const word = this.#take(WORD);
        if (word) return WORDS[word];
        const number = this.#take(NUMBER) || this.#fail();
        const value = Number(number);
        return String(value) === number ? value : new JsonNumber(number);
    }

    /**
     * @param {string} end
     * @param {() => object} read
     */
    #nested(end, read) {
        if (++this.#depth > NESTED_MAX) this.#fail();
        const value = read();
        if (!this.#has(end)) this.#fail();
        this.#depth--;
        return value;
    }

    #array() {
        /** @type {unknown[]} */
        const items = [];
        if (this.#isNext(']')) return items;
        do items.push(this.#value());
        while (this.#has(','));
        return items;
    }

    #object() {
        /** @type {Record<string, unknown>} */
        const object = {};
        /** @type {Entries} */
        const entries = [];
        let isTold = true; // by the object itself
        if (this.#isNext('}')) return object;
        do {
            if (!this.#has('"')) this.#fail();
            const key = this.#string();
            if (!this.#has(':')) this.#fail();
            const value = this.#value();
            if (Object.hasOwn(object, key) || /^\d+$/.test(key)) isTold = false;
            // An assignment to __proto__ would not make a field.
            Object.defineProperty(object, key, {
                value,
                configurable: true,
                enumerable: true,
                writable: true,
            });
            entries.push([key, value]);
        } while (this.#has(','));
        if (!isTold) written.set(object, entries);
        return object;
    }

    /** @param {string} sign */
    #isNext(sign) {
        this.#take(SPACE);
        return this.#text[this.#at] === sign;
    }

    /** After its first quote. */
    #string() {
        const text = this.#text;
        const start = this.#at;
        let end = start;
        for (;;) {
            end = text.indexOf('"', end);
            if (end < 0) this.#fail();
            let slashes = 0;
            while (end - slashes > start && text[end - slashes - 1] === '\\') slashes++;
            if (slashes % 2 === 0) break;
            end++;
        }
        this.#at = end + 1;
        const inner = text.slice(start, end);
        if (inner.includes('\\')) return /** @type {string} */ (JSON.parse(`"${inner}"`));
        if (/[\0-\x1f]/.test(inner)) this.#fail();
        return inner;
    }
}

/**
 * The entries of an object or array as they were written.
 * @param {object} value
 * @returns {Entries}
 */
const entriesOf = (value) => written.get(value) ?? Object.entries(value);

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
    if (value === null || typeof value !== 'object' || value instanceof JsonNumber)
        return undefined;
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
    const text = typeof value === 'string' ? value : asWritten(value, CELL_MAX + 1);
    return text.length > CELL_MAX ? `${text.slice(0, CELL_MAX)}…` : text;
}

/**
 * As JSON without spaces; only its beginning when that is longer than `most`.
 * @param {unknown} value
 * @param {number} most
 */
function asWritten(value, most) {
    let text = '';
    const add = (/** @type {unknown} */ item) => {
        if (text.length > most) return;
        if (item instanceof JsonNumber || item === null || typeof item !== 'object') {
            text += typeof item === 'string' ? JSON.stringify(item) : String(item);
            return;
        }
        const isArray = Array.isArray(item);
        text += isArray ? '[' : '{';
        let comma = '';
        for (const [key, inner] of entriesOf(item)) {
            text += isArray ? comma : `${comma}${JSON.stringify(key)}:`;
            add(inner);
            if (text.length > most) return;
            comma = ',';
        }
        text += isArray ? ']' : '}';
    };
    add(value);
    return text;
}

const kindOf = (/** @type {unknown} */ item) =>
    item === null ? 'null' : item instanceof JsonNumber ? 'number' : typeof item;

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
        if (item === null || typeof item !== 'object' || item instanceof JsonNumber) {
            const leaf = part('span', `json-${kindOf(item)}`);
            write(leaf, typeof item === 'string' ? item : String(item));
            row.append(leaf);
            return;
        }
        const entries = entriesOf(item);
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
