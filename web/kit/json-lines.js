// SPDX-License-Identifier: MIT
// Lines that are JSON: read on demand, a field by its path, unfolded as a tree of text nodes.

const CHARACTERS_MAX = 2_000_000; // a longer line is not unfolded
const NODES_MAX = 3000; // of one tree
const DEPTH_MAX = 32;
const CELL_MAX = 300; // characters of a pinned field

// The object or array that the line is, or null.
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

// Cheap: whether it is worth the attempt.
export function looksLikeJson(text) {
    const start = text.charCodeAt(0);
    if (start !== 0x7b && start !== 0x5b) return false;
    return /[}\]]\s*$/.test(text.slice(-20));
}

// "a.b.0": a key that itself has dots wins over the path.
export function field(value, path) {
    if (value === null || typeof value !== 'object') return undefined;
    if (Object.hasOwn(value, path)) return value[path];
    for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
        const head = path.slice(0, dot);
        if (!Object.hasOwn(value, head)) continue;
        const found = field(value[head], path.slice(dot + 1));
        if (found !== undefined) return found;
    }
    return undefined;
}

export function cellText(value) {
    if (value === undefined) return '';
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return text.length > CELL_MAX ? `${text.slice(0, CELL_MAX)}…` : text;
}

const node = (name, className, text) => {
    const made = document.createElement(name);
    made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
};

// The tree. Keys of fields are buttons (data-field) that pin them; pinned: those that are. write(parent, text) puts text as text.
export function jsonTree(value, pinned, write) {
    const root = node('div', 'log-json');
    let left = NODES_MAX;
    const key = (name, path) => {
        const button = node('button', 'json-key');
        write(button, name);
        button.type = 'button';
        button.dataset.field = path;
        const isPinned = pinned.includes(path);
        button.setAttribute('aria-pressed', String(isPinned));
        button.title = isPinned ? `Unpin ${path}` : `Pin ${path} as a column`;
        return button;
    };
    const add = (item, name, path, depth, isField) => {
        if (left-- <= 0) return;
        const row = node('div', 'json-row');
        row.style.paddingInlineStart = `${depth * 2}ch`;
        if (name !== null)
            row.append(
                isField ? key(name, path) : node('span', 'json-index', name),
                node('span', 'json-colon', ': '),
            );
        root.append(row);
        if (item === null || typeof item !== 'object') {
            const leaf = node('span', `json-${item === null ? 'null' : typeof item}`);
            write(leaf, typeof item === 'string' ? item : String(item));
            row.append(leaf);
            return;
        }
        const entries = Object.entries(item);
        if (entries.length === 0 || depth >= DEPTH_MAX) {
            row.append(node('span', 'json-empty', Array.isArray(item) ? '[]' : '{}'));
            return;
        }
        if (name === null) row.remove();
        else
            row.append(
                node('span', 'json-empty', Array.isArray(item) ? `[${entries.length}]` : ''),
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
    if (left < 0) root.append(node('div', 'json-row json-empty', '… and more'));
    return root;
}
