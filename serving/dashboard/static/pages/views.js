// A view: what it answers for the keys and the range that one chooses, with the shares of batch and speed.

import { card, empty, field, h, select, show as showIf, table } from "../dom.js";
import { get, repeat } from "../api.js";
import { compact, count, instant, number, text } from "../format.js";
import { isNumber, write } from "../json.js";
import { chart } from "../charts/chart.js";
import { bars } from "../charts/bars.js";

const LEAST_PAUSE_MS = 3000;
const PAUSE_OF_WORK = 400; // a heavy question is asked seldom: it must not be felt by those who ask for predictions
const ADDITIVE = ["count", "sum"];
/** The SQL type of an answer that has parts, and so no place on an axis. */
const NESTED = /\[\]$|^STRUCT/;
const RANGES = [["24h", "last 24 hours"], ["7d", "last 7 days"], ["30d", "last 30 days"], ["", "all kept time"]];
const TILES_MOST = 2000;
const KEYS_MOST = 1000;
const BARS_MOST = 20;
const ROWS_SHOWN = 200;

export function show(root, { name, query }) {
  const body = h("div");
  root.append(body);
  let stop = () => {};
  let left = false;
  get("v1/views").then(
    ({ views }) => {
      if (left) return;
      if (!views.length) {
        body.append(empty("This application has no views", "Add one to the application's file with app.view(...)."));
        return;
      }
      const chosen = views.find((view) => view.view === name) ?? views[0];
      const tabs = views.map((view) =>
        h("button", { type: "button", "aria-pressed": String(view === chosen), onclick: () => (location.hash = `#/views/${encodeURIComponent(view.view)}`) }, view.view),
      );
      if (views.length > 1) body.append(h("div", { class: "tabs wide-tabs", role: "group", "aria-label": "View" }, tabs));
      stop = showView(body, chosen, query);
    },
    (error) => body.append(empty("The views cannot be shown", error.message)),
  );
  return () => {
    left = true;
    stop();
  };
}

function showView(root, view, query) {
  const tiled = view.tile_seconds !== null;
  const aggregates = Object.keys(view.aggregates);
  const wanted = {
    keys: Object.fromEntries(view.key_fields.map((key) => [key, query[key] ?? ""])),
    last: tiled ? (query.last ?? "7d") : "",
    aggregate: aggregates.includes(query.show) ? query.show : aggregates[0],
  };
  const again = () => {
    remember(view, wanted);
    stop();
    stop = repeat(update, pause);
  };
  const inputs = view.key_fields.map((key) => {
    const list = h("datalist", { id: `keys-${key}` });
    const input = h("input", { name: key, list: list.id, placeholder: "any", value: wanted.keys[key], autocomplete: "off" });
    input.addEventListener("change", () => ((wanted.keys[key] = input.value.trim()), again()));
    return { key, list, input, node: field(key, h("span", {}, input, list)) };
  });
  const drawn = chart({ label: `${wanted.aggregate} of view ${view.view} over time`, height: 260, stacked: true, format: compact });
  const picture = h("div", {}, drawn.node);
  const rows = h("div");
  const fresh = h("small");
  const legend = h("div", { class: "legend" }, key("batch", "var(--batch)"), key("speed", "var(--speed)"));
  root.append(
    h(
      "div",
      { class: "stack" },
      card(
        `${view.view}: ${tiled ? `tiles of ${spoken(view.tile_seconds)}` : "one state for all time"} of stream ${view.stream}`,
        { aside: h("div", { class: "row" }, fresh, h("button", { class: "quiet small", onclick: () => again() }, "Refresh")), note: view.keep_seconds ? `Kept for ${spoken(view.keep_seconds)} before the newest event.` : null },
        h(
          "div",
          { class: "fields" },
          inputs.map((one) => one.node),
          tiled && field("range", select(RANGES, wanted.last, (value) => ((wanted.last = value), again()), { name: "range" })),
          field("aggregate", select(aggregates.map((name) => [name, described(name, view.aggregates[name])]), wanted.aggregate, (value) => ((wanted.aggregate = value), again()), { name: "aggregate" })),
        ),
      ),
      card("Merged, with the shares of batch and speed", {}, legend, picture),
      card("Rows", {}, rows),
    ),
  );

  let took = 0;
  const pause = () => Math.max(LEAST_PAUSE_MS, PAUSE_OF_WORK * took);
  async function update() {
    const begun = performance.now();
    const keys = Object.fromEntries(Object.entries(wanted.keys).filter(([, value]) => value !== ""));
    const whole = Object.keys(keys).length === view.key_fields.length;
    const sample = view.aggregates[wanted.aggregate].aggregate;
    const overTime = whole && tiled && !NESTED.test(view.aggregates[wanted.aggregate].type);
    const options = { ...keys, last: wanted.last, group: overTime || !tiled ? "tile" : "total", limit: overTime ? TILES_MOST : KEYS_MOST };
    try {
      const path = `v1/views/${encodeURIComponent(view.view)}`;
      const [merged, batch, speed] = [await get(path, options), await get(path, { ...options, layer: "batch" }), await get(path, { ...options, layer: "speed" })];
      took = performance.now() - begun;
      const found = join(view, merged.rows, batch.rows, speed.rows);
      fresh.textContent = `${merged.generation === null ? "no generation yet" : `generation ${merged.generation} up to ${merged.batch_cut}`}, fold at ${merged.speed_cut}`;
      for (const one of inputs) offer(one, found);
      const additive = ADDITIVE.includes(sample);
      const pick = (row) => {
        for (const one of inputs) one.input.value = wanted.keys[one.key] = String(row.merged[one.key] ?? "");
        again();
      };
      showIf(picture, [overTime, found.map((row) => [row.merged, row.batch, row.speed]), wanted], () => {
        if (!overTime) return ranking(view, found, wanted.aggregate, additive, whole ? null : pick);
        drawn.update(overTiles(view, found, wanted.aggregate, additive));
        return drawn.node;
      });
      legend.hidden = overTime; // the chart has one of its own
      showIf(rows, [found, wanted.aggregate], () => rowTable(view, found, merged.next));
    } catch (error) {
      picture.shown = rows.shown = null;
      picture.replaceChildren(h("div", { class: "problem", role: "alert" }, error.message));
      rows.replaceChildren();
    }
  }
  let stop = repeat(update, pause);
  return () => stop();
}

function key(name, colour) {
  return h("span", { class: "key" }, h("i", { class: "block", style: { "--colour": colour } }), name);
}

/** Put what was chosen into the address, so that it can be passed on. */
function remember(view, wanted) {
  const given = Object.entries({ ...wanted.keys, last: wanted.last, show: wanted.aggregate }).filter(([, value]) => value !== "");
  history.replaceState(null, "", `#/views/${encodeURIComponent(view.view)}?${new URLSearchParams(given)}`);
}

function described(name, { aggregate, field: of, error }) {
  return `${name}: ${aggregate}${of ? ` of ${of}` : ""}${error ? ` (± ${error})` : ""}`;
}

function spoken(seconds) {
  for (const [unit, size] of [["days", 86_400], ["hours", 3600], ["minutes", 60]]) {
    if (seconds >= size && seconds % size === 0) return seconds === size ? `one ${unit.slice(0, -1)}` : `${seconds / size} ${unit}`;
  }
  return `${seconds} s`;
}

/** The rows of the three layers side by side. */
function join(view, merged, batch, speed) {
  const place = (row) => write([view.key_fields.map((field) => row[field]), row.tile]);
  const [batchBy, speedBy] = [batch, speed].map((rows) => new Map(rows.map((row) => [place(row), row])));
  return merged.map((row) => ({ merged: row, batch: batchBy.get(place(row)), speed: speedBy.get(place(row)) }));
}

function offer({ key: name, list }, found) {
  const values = [...new Set(found.map((row) => row.merged[name]).filter((value) => value !== null && value !== undefined))];
  if (values.length > 1 && list.children.length !== values.length) list.replaceChildren(...values.map((value) => h("option", { value: String(value) })));
}

function overTiles(view, found, aggregate, additive) {
  const points = (layer) => found.filter((row) => row[layer]).map((row) => [Date.parse(row.merged.tile), row[layer][aggregate]]);
  const width = view.tile_seconds * 1000;
  const nothing = "No event in this range: choose another range or key";
  if (additive) {
    const part = (name, colour) => ({ name, colour, kind: "bars", width, points: points(name) });
    return { series: [part("batch", "var(--batch)"), part("speed", "var(--speed)")], nothing };
  }
  return {
    series: [
      { name: "merged", colour: "var(--both)", kind: "line", points: points("merged") },
      { name: "batch", colour: "var(--batch)", kind: "points", points: points("batch") },
      { name: "speed", colour: "var(--speed)", kind: "points", points: points("speed") },
    ],
    nothing,
  };
}

/** The largest keys; or, of an aggregate that is a ranking itself, that one. */
function ranking(view, found, aggregate, additive, pick) {
  if (!found.length) return empty("Nothing here yet", "No event in this range: choose another range or key, or post events.");
  const value = found[0].merged[aggregate];
  if (found.length === 1 && isStructure(value)) return structure(value);
  if (found.every((row) => !isNumber(row.merged[aggregate]))) return empty("This aggregate is no number", "The table below shows it; choose one key to draw it.");
  const name = (row) => view.key_fields.map((field) => row.merged[field] ?? "–").join(" · ") || "all";
  const largest = [...found].sort((a, b) => (b.merged[aggregate] ?? 0) - (a.merged[aggregate] ?? 0)).slice(0, BARS_MOST);
  const parts = (row) =>
    additive
      ? ["batch", "speed"].map((layer) => ({ value: row[layer]?.[aggregate] ?? 0, colour: `var(--${layer})`, title: `${layer}: ${number(row[layer]?.[aggregate] ?? 0)}` }))
      : [{ value: row.merged[aggregate] ?? 0, colour: row.batch && row.speed ? "var(--both)" : row.batch ? "var(--batch)" : "var(--speed)" }];
  const more = found.length > BARS_MOST ? h("small", {}, `the ${BARS_MOST} largest of ${count(found.length)}${additive ? "" : "; green is merged of batch and speed"}`) : null;
  return [bars(largest.map((row) => ({ name: name(row), parts: parts(row), value: number(row.merged[aggregate]), pick: pick && (() => pick(row)) }))), more];
}

const isStructure = (value) => typeof value === "object" && value !== null && !isNumber(value);

/** A value that is a ranking, a histogram or a list. */
function structure(value) {
  if (value.edges) {
    const edges = [-Infinity, ...value.edges, Infinity];
    return bars(value.counts.map((n, index) => ({ name: `${number(edges[index])} – ${number(edges[index + 1])}`, parts: [{ value: n, colour: "var(--both)" }] })));
  }
  if (!value.length) return empty("Nothing here yet");
  if (value[0]?.count === undefined) return h("p", {}, value.map(text).join(", "));
  return bars(value.map((one) => ({ name: text(one.value), parts: [{ value: one.count, colour: "var(--both)" }] })));
}

function rowTable(view, found, next) {
  if (!found.length) return empty("No rows");
  const cell = (row, name) => {
    const shares = ["batch", "speed"].filter((layer) => row[layer]).map((layer) => h("small", { class: layer, title: layer }, text(row[layer][name])));
    const value = row.merged[name];
    return isStructure(value) ? text(value).slice(0, 140) : [text(value), shares.length === 2 && h("div", {}, shares[0], " ⊕ ", shares[1])];
  };
  const shown = (found[0].merged.tile === null ? found : [...found].reverse()).slice(0, ROWS_SHOWN);
  return [
    table(
      [
        ...view.key_fields.map((name) => ({ title: name, cell: (row) => text(row.merged[name]) })),
        ...(found[0].merged.tile === null ? [] : [{ title: "tile (UTC)", cell: (row) => instant(row.merged.tile) }]),
        { title: "from", cell: (row) => [row.batch && h("span", { class: "badge batch" }, "batch"), " ", row.speed && h("span", { class: "badge speed" }, "speed")] },
        ...Object.keys(view.aggregates).map((name) => ({ title: name, number: true, cell: (row) => cell(row, name) })),
      ],
      shown,
      { caption: `Rows of ${view.view}`, tall: true },
    ),
    (next || shown.length < found.length) && h("small", {}, `${count(shown.length)} of ${next ? "more than " : ""}${count(found.length)} rows`),
  ];
}
