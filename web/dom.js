// SPDX-License-Identifier: MIT
// Small helpers over the DOM. Text becomes text nodes, always: nothing here can turn text into HTML.

// el('p', { class: 'note', hidden: true, 'data-id': '1', onclick: … }, 'text', node, null)
// A property that is null, undefined or false is left out; one that starts with "on" is a listener.
export function el(name, properties = {}, ...children) {
    return fill(document.createElement(name), properties, children);
}

export function svg(name, properties = {}, ...children) {
    return fill(document.createElementNS('http://www.w3.org/2000/svg', name), properties, children);
}

function fill(node, properties, children) {
    for (const [name, value] of Object.entries(properties)) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
        else node.setAttribute(name, value === true ? '' : value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
}

// Writes only what differs, so that a ticking clock does not disturb a selection or a screen reader.
export function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
}
