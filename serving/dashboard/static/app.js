// Where the page begins: the header, the navigation, and which page is shown.

import { h, empty } from "./dom.js";
import { duration, count } from "./format.js";
import { begin, follow, often } from "./live.js";
import { icon } from "./icons.js";
import * as overview from "./pages/overview.js";
import * as models from "./pages/models.js";
import * as views from "./pages/views.js";
import * as batch from "./pages/batch.js";
import * as log from "./pages/log.js";
import * as sql from "./pages/sql.js";

const PAGES = [
  ["", "Overview", overview],
  ["models", "Models", models],
  ["views", "Views", views],
  ["batch", "Batch", batch],
  ["log", "Log", log],
  ["sql", "SQL", sql],
];
const main = document.querySelector("#main");
const nav = document.querySelector("#nav");
let leave = () => {};

/** "#/views/usage?last=24h" is {page: "views", name: "usage", query: {last: "24h"}}. */
function place() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [page = "", ...rest] = path.split("/");
  return { page, name: rest.length ? decodeURIComponent(rest.join("/")) : null, query: Object.fromEntries(new URLSearchParams(search)) };
}

function enter() {
  if (location.hash === "#main") return; // the skip link
  const { page, name, query } = place();
  const [, title, module] = PAGES.find(([path]) => path === page) ?? [null, "Not found", null];
  leave();
  document.title = `${title} · Anabranch`;
  for (const link of nav.children) link.toggleAttribute("aria-current", link.dataset.page === page);
  for (const link of nav.querySelectorAll("[aria-current]")) link.setAttribute("aria-current", "page");
  const root = h("div", { class: `page ${page || "overview"}` }, h("h1", {}, title));
  main.replaceChildren(root);
  window.scrollTo(0, 0);
  often(page === "");
  leave = module?.show(root, { name, query }) ?? (() => {});
  if (!module) root.append(empty("There is no such page", h("a", { href: "#/" }, "To the overview")));
}

nav.append(...PAGES.map(([path, title]) => h("a", { href: `#/${path}`, "data-page": path }, icon(path || "overview"), h("span", {}, title))));
nav.append(h("a", { href: "docs", class: "outside" }, icon("docs"), h("span", {}, "API")));

const theme = document.querySelector("#theme");
theme.append(icon("theme"));
theme.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("anabranch-theme", root.dataset.theme);
});

const state = document.querySelector("#state");
follow((snapshot, problem) => {
  document.querySelector("#app-name").textContent = snapshot?.app ?? "";
  document.querySelector("#leave").hidden = !snapshot?.locked;
  const readOnly = snapshot?.read_only ?? null;
  const banner = document.querySelector("#read-only");
  banner.hidden = !readOnly;
  // it is an alert: replaced with every snapshot, it would be read out again and again
  if (readOnly && banner.dataset.told !== readOnly) banner.replaceChildren(h("b", {}, "Read-only: "), (banner.dataset.told = readOnly));
  const [kind, words] = problem
    ? ["bad", problem]
    : readOnly
    ? ["bad", "read-only"]
    : !snapshot.caught_up
      ? ["busy", "catching up"]
      : ["good", `${count(snapshot.generation) === "–" ? "no generation yet" : `generation ${snapshot.generation}`} · lag ${duration(snapshot.lag_seconds)}`];
  state.className = kind;
  state.replaceChildren(h("i", { class: "dot" }), h("span", {}, words));
});

window.addEventListener("hashchange", enter);
enter();
begin();
