// Elements, made by calling functions. Text always goes in as text: nothing in the data can become markup.

import { write } from "./json.js";

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element: h("button", {class: "quiet", onclick: f}, "Text", child, ...). */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An SVG element. */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, v] of Object.entries(value)) node.style.setProperty(key, v);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A titled part of a page. */
export function card(title, { aside = null, wide = false, id = null, note = null } = {}, ...children) {
  const heading = h("header", {}, h("h2", {}, title), aside);
  return h("section", { class: `card${wide ? " wide" : ""}`, id }, heading, note && h("p", { class: "note" }, note), children);
}

/** What stands where there is nothing yet, with what to do about it. */
export function empty(title, ...hints) {
  return h("div", { class: "empty" }, h("strong", {}, title), hints.map((hint) => (hint instanceof Node ? hint : h("p", {}, hint))));
}

/** A table; `columns` are {title, cell(row), number?, wrap?}. With `stacks` its rows become blocks where there is no room. */
export function table(columns, rows, { caption, tall = false, stacks = false } = {}) {
  const head = h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.number && "number" }, column.title)));
  const body = rows.map((row) => {
    const cells = columns.map((column) =>
      h("td", { "data-title": column.title, class: [column.number && "number", column.wrap && "wrap"].filter(Boolean).join(" ") || null }, column.cell(row)),
    );
    return h("tr", {}, cells);
  });
  const made = h("table", {}, h("caption", { class: "unseen" }, caption ?? ""), h("thead", {}, head), h("tbody", {}, body));
  return h("div", { class: ["scroll", tall && "tall", stacks && "stacks"].filter(Boolean).join(" "), tabindex: 0, role: "region", "aria-label": caption }, made);
}

/** A word on a coloured ground. */
export function badge(text, kind = "") {
  return h("span", { class: `badge ${kind}` }, text);
}

/** A labelled control. */
export function field(label, control, hint = null) {
  return h("label", { class: "field" }, h("span", {}, label), control, hint && h("small", {}, hint));
}

/** A choice of a few, as a select. */
export function select(options, chosen, onchange, properties = {}) {
  const made = options.map(([value, text]) => h("option", { value, selected: value === chosen }, text));
  return h("select", { ...properties, onchange: (event) => onchange?.(event.target.value) }, made);
}

/** Replace what is in `node`, but only if it would change: so that focus, selection and scrolling stay. */
export function show(node, key, make) {
  const text = write(key);
  if (node.shown === text) return;
  node.shown = text;
  node.replaceChildren(...[make()].flat(Infinity).filter(Boolean));
}

/** Ask before something is done; resolves to whether to do it. */
export function confirmed(title, text, yes) {
  return new Promise((resolve) => {
    const answer = (value) => () => dialog.close(value);
    const dialog = h(
      "dialog",
      { class: "ask", "aria-label": title, onclose: () => (resolve(dialog.returnValue === "yes"), dialog.remove()) },
      h("h2", {}, title),
      h("p", {}, text),
      h("div", { class: "row end" }, h("button", { class: "quiet", onclick: answer("no") }, "Cancel"), h("button", { onclick: answer("yes") }, yes)),
    );
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("button:last-of-type").focus();
  });
}

/** Say something at the edge of the window for some seconds. */
export function say(text, kind = "good") {
  const note = h("div", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status" }, text);
  document.querySelector("#toasts").append(note);
  setTimeout(() => note.remove(), kind === "bad" ? 9000 : 5000);
}
