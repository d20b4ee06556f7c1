// Bars that lie, one a name: of one part, or of several that add up.

import { h } from "../dom.js";
import { number } from "../format.js";

/** `rows` are {name, parts: [{value, colour, title}], value?, pick?}; all share one scale. */
export function bars(rows, { format = number, most = null } = {}) {
  const sum = (row) => row.parts.reduce((total, part) => total + Math.max(0, part.value ?? 0), 0);
  const end = most ?? Math.max(...rows.map(sum), 1e-12);
  return h(
    "div",
    { class: "bars" },
    rows.map((row) => {
      const name = row.pick
        ? h("button", { type: "button", class: "name", title: row.name, onclick: row.pick }, row.name)
        : h("span", { class: "name", title: row.name }, row.name);
      const parts = row.parts
        .filter((part) => part.value > 0)
        .map((part) => h("i", { title: part.title ?? format(part.value), style: { width: `${(100 * part.value) / end}%`, "--colour": part.colour } }));
      return h("div", {}, name, h("div", { class: "track" }, parts), h("span", { class: "value" }, row.value ?? format(sum(row))));
    }),
  );
}
