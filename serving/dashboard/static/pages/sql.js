// SQL over everything up to this moment: an editor, the result as a table and as a picture, and to take away.

import { card, empty, field, h, say, select, show as showIf, table } from "../dom.js";
import { post, send } from "../api.js";
import { compact, count, duration, instant, number, text } from "../format.js";
import { isNumber } from "../json.js";
import { chart } from "../charts/chart.js";
import { bars } from "../charts/bars.js";
import { follow } from "../live.js";
import { editor } from "./editor.js";

const PATH = "v1/sql";
const STORED = "anabranch-sql";
const SHOWN = 500;
const BARS_MOST = 30;
const NAMES = "SELECT table_name, column_name, data_type FROM information_schema.columns ORDER BY table_name, ordinal_position";
const KINDS = [["text/csv", "CSV", "csv"], ["application/json", "JSON", "json"], ["application/vnd.apache.arrow.stream", "Arrow", "arrows"], ["application/vnd.apache.parquet", "Parquet", "parquet"]];
const NUMERIC = /INT|DOUBLE|FLOAT|DECIMAL|REAL/i;
const TEMPORAL = /TIMESTAMP|DATE/i;
const COLOURS = ["var(--batch)", "var(--speed)", "var(--both)", "var(--third)", "var(--fourth)", "var(--fifth)"];

export function show(root) {
  const status = h("small", { role: "status" });
  const result = h("div", { class: "stack" });
  const samples = h("div", { class: "row" });
  const write = editor({ text: stored() ?? "", run, changed: (value) => keep(value) });
  const button = h("button", { id: "run-sql", onclick: run }, "Run");
  const tables = h("div");
  let columns = new Map();
  let snapshot = null;
  root.append(
    h(
      "div",
      { class: "stack" },
      card("Query", { aside: samples }, write.node, h("div", { class: "row", style: { "margin-top": "12px" } }, button, status), h("p", { class: "note" }, "Ctrl+Enter runs it, Ctrl+Space offers names. Read-only DuckDB, the newest events included.")),
      result,
      card("What there is", {}, tables),
    ),
  );

  async function run() {
    button.disabled = true;
    status.textContent = "running …";
    const begun = performance.now();
    try {
      const answer = await post(PATH, { sql: write.text() });
      status.textContent = `${count(answer.rows.length)} rows${answer.truncated ? ", truncated" : ""} in ${duration((performance.now() - begun) / 1000)}`;
      result.replaceChildren(...results(answer, write.text()));
    } catch (error) {
      status.textContent = "";
      const missing = error.status === 404 && error.body?.type !== "urn:anabranch:problem:sql";
      result.replaceChildren(missing ? empty("This service answers no SQL", "The endpoint /v1/sql is not there.") : h("div", { class: "problem", role: "alert" }, error.message));
    }
    button.disabled = false;
  }

  post(PATH, { sql: NAMES }).then(
    ({ rows }) => {
      columns = Map.groupBy(rows, ([name]) => name);
      offerExamples();
      write.know([...[...columns.keys()].map((name) => ({ name, kind: "view" })), ...[...new Set(rows.map(([, column]) => column))].map((name) => ({ name, kind: "column" }))]);
      tables.replaceChildren(table(
        [
          { title: "view", cell: ([name]) => h("button", { class: "quiet small", onclick: () => set(`SELECT *\nFROM ${quoted(name)}\nLIMIT 100`) }, name) },
          { title: "columns", wrap: true, cell: ([, found]) => found.map(([, column]) => column).join(", ") },
        ],
        [...columns],
        { caption: "Views and their columns" },
      ));
    },
    (error) => tables.replaceChildren(empty("The names cannot be listed", error.message)),
  );

  function set(value) {
    write.write(value);
    keep(value);
    run();
  }

  function offerExamples() {
    if (!snapshot || !columns.size) return;
    const offered = examples(snapshot, columns);
    showIf(samples, offered, () => offered.map(([name, value]) => h("button", { class: "quiet small", onclick: () => set(value) }, name)));
    if (!write.text()) write.write(offered[0]?.[1] ?? "SELECT 1");
  }

  return follow((found) => {
    snapshot = found ?? snapshot;
    offerExamples();
  });
}

const stored = () => sessionStorage.getItem(STORED);
const keep = (value) => sessionStorage.setItem(STORED, value);
const quoted = (name) => (/^[a-z_]\w*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

/** Questions to begin with, of what this application has. */
function examples({ streams, views, models }, columns) {
  const [stream, view] = [streams[0], views[0]];
  const times = (columns.get(`events_${stream}`) ?? []).filter(([, name, type]) => TEMPORAL.test(type) && !name.startsWith("_"));
  const time = quoted(times[0]?.[1] ?? "_appended");
  return [
    stream && ["Events a day", `SELECT date_trunc('day', ${time}) AS day, count(*) AS events\nFROM ${quoted(`events_${stream}`)}\nGROUP BY day\nORDER BY day`],
    view && ["A view", `SELECT *\nFROM ${quoted(`view_${view}`)}\nLIMIT 200`],
    ["Batch runs", "SELECT *\nFROM batch_runs"],
    models.length > 0 && ["Scores", "SELECT *\nFROM model_scores"],
    models.length > 0 && ["Predictions", "SELECT *\nFROM predictions\nLIMIT 100"],
  ].filter(Boolean);
}

function results(answer, sql) {
  const { columns, rows } = answer;
  const take = KINDS.map(([accept, name, suffix]) => h("button", { class: "quiet small", onclick: () => download(sql, accept, suffix) }, name));
  const shown = rows.slice(0, SHOWN);
  const listed = rows.length
    ? table(columns.map((column, index) => ({ title: column.name, number: NUMERIC.test(column.type), cell: (row) => written(row[index], column.type) })), shown, { caption: "Result", tall: true })
    : empty("No rows");
  const more = rows.length > SHOWN || answer.truncated ? h("small", {}, `the first ${count(shown.length)} rows; a download has ${answer.truncated ? "as many as the limit allows" : "all"}`) : null;
  return [card("Result", { aside: h("div", { class: "row" }, h("small", {}, "Download"), take) }, listed, more), picture(columns, rows)].filter(Boolean);
}

function written(value, type) {
  if (isNumber(value)) return number(value, 6);
  return TEMPORAL.test(type) && typeof value === "string" ? instant(value) : text(value);
}

async function download(sql, accept, suffix) {
  try {
    const response = await send("POST", PATH, { body: { sql }, headers: { Accept: accept } });
    const address = URL.createObjectURL(await response.blob());
    h("a", { href: address, download: `result.${suffix}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  } catch (error) {
    say(error.message, "bad");
  }
}

/** The result drawn: over time if there is a time, else as bars by the first column that is no number. */
function picture(columns, rows) {
  const indexes = columns.map((_, index) => index);
  const numeric = indexes.filter((index) => NUMERIC.test(columns[index].type) && rows.some((row) => isNumber(row[index])));
  if (rows.length < 2 || !numeric.length) return null;
  const times = indexes.filter((index) => TEMPORAL.test(columns[index].type));
  const names = indexes.filter((index) => !numeric.includes(index));
  const wanted = { x: times[0] ?? names[0] ?? numeric[0], y: numeric.find((index) => index !== (times[0] ?? names[0] ?? numeric[0])) ?? numeric[0] };
  const body = h("div");
  const draw = () => body.replaceChildren(drawn(columns, rows, wanted, times.includes(wanted.x)));
  const options = (choice) => choice.map((index) => [String(index), columns[index].name]);
  const pick = (which) => (value) => ((wanted[which] = Number(value)), draw());
  draw();
  return card("Chart", {}, h("div", { class: "fields", style: { "margin-bottom": "12px" } }, field("across", select(options(indexes), String(wanted.x), pick("x"))), field("upwards", select(options(numeric), String(wanted.y), pick("y")))), body);
}

function drawn(columns, rows, { x, y }, temporal) {
  if (!temporal && !NUMERIC.test(columns[x].type)) {
    return bars(rows.slice(0, BARS_MOST).map((row) => ({ name: text(row[x]), parts: [{ value: row[y], colour: COLOURS[0] }], value: number(row[y]) })));
  }
  const at = (value) => (temporal ? Date.parse(`${value}`.replace(" ", "T") + (/[Z+]/.test(`${value}`) ? "" : "Z")) : +value);
  const points = rows.map((row) => [at(row[x]), row[y]]).filter(([place]) => Number.isFinite(place)).sort((a, b) => a[0] - b[0]);
  const made = chart({ label: `${columns[y].name} by ${columns[x].name}`, height: 240, time: temporal, format: compact });
  made.update({ series: [{ name: columns[y].name, colour: COLOURS[0], kind: "line", points }] });
  return made.node;
}
