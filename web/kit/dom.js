// SPDX-License-Identifier: MIT
// Small helpers over the DOM. Text always becomes text nodes: nothing here can turn text into HTML.

/** @typedef {Node | string | null | undefined} Child null, undefined and '' are left out */

/**
 * Attributes and listeners: { class: 'note', hidden: true, 'data-id': '1', onclick: … }. One that
 * is null, undefined or false is left out; one whose name starts with "on" is a listener.
 * @typedef {Record<string, unknown> & Partial<Listeners>} Properties
 */

/**
 * @typedef {{
 *     [Type in keyof GlobalEventHandlersEventMap as `on${Type}`]:
 *         (event: GlobalEventHandlersEventMap[Type]) => unknown
 * }} Listeners
 */

/**
 * el('p', { class: 'note' }, 'text', node, null)
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Properties} [properties]
 * @param {Child[]} children
 */
export function el(name, properties = {}, ...children) {
    return fill(document.createElement(name), properties, children);
}

/**
 * An element with a class and a text.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string} className
 * @param {string} [text]
 */
export function part(name, className, text) {
    return el(name, { class: className }, text);
}

/**
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Properties} [properties]
 * @param {Child[]} children
 */
export function svg(name, properties = {}, ...children) {
    return fill(document.createElementNS('http://www.w3.org/2000/svg', name), properties, children);
}

/**
 * Writes only what differs, so that a ticking clock does not disturb a selection or a screen
 * reader.
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
}

/**
 * The element that an event happened in and that matches the selector, if there is one.
 * @param {Event} event
 * @param {string} selector
 */
export function closest({ target }, selector) {
    const found = target instanceof Element ? target.closest(selector) : null;
    return found instanceof HTMLElement ? found : null;
}

/**
 * @template {Pick<Element, 'setAttribute' | 'addEventListener' | 'append'>} E
 * @param {E} node
 * @param {Properties} properties
 * @param {Child[]} children
 */
function fill(node, properties, children) {
    for (const [name, value] of Object.entries(properties)) {
        if (value === null || value === undefined || value === false) continue;
        if (typeof value === 'function') {
            node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
        } else node.setAttribute(name, value === true ? '' : String(value));
    }
    for (const child of children) {
        if (child !== null && child !== undefined && child !== '') node.append(child);
    }
    return node;
}
