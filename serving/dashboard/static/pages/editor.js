// A small editor for SQL: colours behind a plain text field, and offers of names while one types.

import { h } from "../dom.js";

const WORDS = new Set(
  `select from where group by order having limit offset with as and or not in is null between like ilike case when then else end join left right inner outer full cross
  lateral on using union all distinct asc desc nulls first last over partition rows range interval date timestamp true false cast describe summarize show explain values
  qualify filter exists unnest pivot unpivot sample`.split(/\s+/),
);
const FUNCTIONS = "count sum avg min max median quantile_cont date_trunc date_diff strftime round coalesce list string_agg arg_max arg_min row_number lag lead abs greatest least".split(" ");
const TOKEN = /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*'?)|("(?:[^"]|"")*"?)|([A-Za-z_]\w*)|(\d+(?:\.\d+)?)/g;
const OFFERS_MOST = 12;

/**
 * @param text     what is in it at first
 * @param run      called when Ctrl+Enter is pressed
 * @param changed  called with every new text
 * @returns {node, text(), write(text), know(names)} where names are {name, kind}: what is offered
 */
export function editor({ text, run, changed }) {
  const colours = h("pre", { "aria-hidden": "true" });
  const area = h("textarea", { spellcheck: "false", autocapitalize: "off", autocomplete: "off", "aria-label": "SQL", "aria-autocomplete": "list", "aria-controls": "offers" });
  const list = h("ul", { class: "offers", id: "offers", role: "listbox", hidden: true });
  const node = h("div", { class: "editor" }, colours, area, list);
  let names = [];
  let offers = [];
  let at = 0;

  function paint() {
    const known = new Map(names.map((one) => [one.name.toLowerCase(), one.kind]));
    const parts = [];
    let end = 0;
    for (const found of area.value.matchAll(TOKEN)) {
      parts.push(area.value.slice(end, found.index), kind(found, known));
      end = found.index + found[0].length;
    }
    colours.replaceChildren(...parts, area.value.slice(end), "\n");
  }

  function kind([token, comment, string, quoted, word, digits], known) {
    const name = comment ? "comment" : string ? "text" : digits ? "number" : null;
    if (name) return h("span", { class: name }, token);
    const plain = (quoted ? token.slice(1, -1) : token).toLowerCase();
    if (word && WORDS.has(plain)) return h("span", { class: "word" }, token);
    return known.has(plain) ? h("span", { class: "name" }, token) : token;
  }

  function begun() {
    return /[A-Za-z_]\w*$/.exec(area.value.slice(0, area.selectionStart))?.[0] ?? "";
  }

  function offer(all = false) {
    const start = begun().toLowerCase();
    const words = [...names, ...FUNCTIONS.map((name) => ({ name, kind: "function" })), ...[...WORDS].map((name) => ({ name: name.toUpperCase(), kind: "" }))];
    const fits = (one) => one.name.toLowerCase().startsWith(start) && one.name.toLowerCase() !== start;
    const within = (one) => start.length > 1 && one.kind && one.name.toLowerCase().includes(start) && !fits(one);
    offers = start || all ? [...words.filter(fits), ...words.filter(within)].slice(0, OFFERS_MOST) : [];
    at = 0;
    drawOffers();
  }

  function drawOffers() {
    list.hidden = !offers.length;
    area.setAttribute("aria-expanded", String(!list.hidden));
    list.replaceChildren(...offers.map((one, index) => h("li", { role: "option", id: `offer-${index}`, "aria-selected": String(index === at), onpointerdown: (event) => (event.preventDefault(), (at = index), take()) }, one.name, h("i", {}, one.kind))));
    if (list.hidden) return area.removeAttribute("aria-activedescendant");
    area.setAttribute("aria-activedescendant", `offer-${at}`);
    const before = area.value.slice(0, area.selectionStart).split("\n");
    const cell = 0.54 * parseFloat(getComputedStyle(area).fontSize);
    list.style.left = `${Math.min(14 + before.at(-1).length * cell, Math.max(0, node.clientWidth - 240))}px`;
    list.style.top = `${12 + before.length * parseFloat(getComputedStyle(area).lineHeight)}px`;
    return undefined;
  }

  function take() {
    const from = area.selectionStart - begun().length;
    area.setRangeText(offers[at].name, from, area.selectionStart, "end");
    offers = [];
    drawOffers();
    paint();
    changed(area.value);
  }

  area.addEventListener("input", () => (paint(), offer(), changed(area.value)));
  area.addEventListener("blur", () => ((offers = []), drawOffers()));
  area.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key === "Enter") return event.preventDefault(), run();
    if (command && event.key === " ") return event.preventDefault(), offer(true);
    if (!offers.length) return undefined;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") at = (at + (event.key === "ArrowDown" ? 1 : offers.length - 1)) % offers.length;
    else if (event.key === "Enter" || event.key === "Tab") return event.preventDefault(), take();
    else if (event.key === "Escape") offers = [];
    else return undefined;
    event.preventDefault();
    return drawOffers();
  });

  const write = (value) => {
    area.value = value;
    paint();
  };
  write(text);
  return {
    node,
    text: () => area.value,
    write,
    know(found) {
      names = found;
      paint();
    },
  };
}
