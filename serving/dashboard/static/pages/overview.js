// The overview: how the log grows, how batch and speed cover it, and how everything is.

import { badge, card, empty, h, show as showIf, table } from "../dom.js";
import { ago, compact, count, duration, instant, number, offset } from "../format.js";
import { follow } from "../live.js";
import { chart } from "../charts/chart.js";
import { cutPicture } from "../charts/cut.js";

export function show(root) {
  const tiles = h("div", { class: "tiles" });
  const cut = cutPicture();
  const growth = chart({ label: "Events and predictions appended to the log a second, over the last ten minutes", height: 190, format: compact });
  const models = h("div");
  const runs = h("div");
  let drawn = null;
  root.append(
    tiles,
    h(
      "div",
      { class: "grid" },
      card("One log, one cut, one answer", { wide: true, aside: h("small", {}, "live; in order, not to scale") }, cut.node),
      card("The log growing", { wide: true, aside: h("small", {}, "records a second, last 10 minutes") }, growth.node),
      card("Models", { aside: h("a", { href: "#/models" }, "All") }, models),
      card("Batch runs", { aside: h("a", { href: "#/batch" }, "All") }, runs),
    ),
  );
  return follow((snapshot) => {
    if (!snapshot) return;
    tiles.replaceChildren(...figures(snapshot));
    cut.update(snapshot);
    if (snapshot.rates?.start !== drawn) growth.update(rates(snapshot)); // only full buckets are shown
    drawn = snapshot.rates?.start;
    showIf(models, snapshot.models, () => modelTable(snapshot.models));
    showIf(runs, [snapshot.runs, snapshot.runs[0]?.status === "running" ? 0 : snapshot.time.slice(0, 16)], () => runTable(snapshot));
  });
}

function figures(snapshot) {
  const now = Date.parse(snapshot.time);
  const last = snapshot.runs.find((run) => run.status === "published");
  const running = snapshot.runs.find((run) => run.status === "running");
  const rejected = Object.values(snapshot.rejected).reduce((sum, n) => sum + n, 0);
  const end = offset(snapshot.log_end ?? snapshot.speed_cut);
  const behind = end - offset(snapshot.speed_cut);
  return [
    tile("Records in the log", count(end), `${number(perSecond(snapshot), 3)} a second`),
    tile("Lag of the fold", duration(snapshot.lag_seconds), behind ? `${count(behind)} records behind` : "up to date", snapshot.problem),
    tile("Generation", snapshot.generation ?? "none yet", last ? `published ${ago(last.finished, now)}` : "start a batch run"),
    tile("Behind the cut", count(offset(snapshot.speed_cut) - offset(snapshot.batch_cut)), "in the speed layer"),
    snapshot.next_run && tile("Next batch run", running ? "at work" : `in ${duration(Math.max(0, (Date.parse(snapshot.next_run) - now) / 1000))}`, `${instant(snapshot.next_run).slice(5, 16)} UTC`),
    tile("Rejected events", count(rejected), rejected ? h("a", { href: "#/log?rejected=1" }, "look at them") : "none wait", rejected > 0),
  ].filter(Boolean);
}

function tile(name, value, note, warn = false) {
  return h("div", { class: `tile${warn ? " warn" : ""}` }, h("span", {}, name), h("b", { title: String(value) }, value), h("small", {}, note));
}

/** Events a second, over the last full buckets. */
function perSecond(snapshot) {
  const full = snapshot.rates?.events.slice(-3, -1) ?? [];
  return full.length ? full.reduce((sum, n) => sum + n, 0) / (full.length * snapshot.rates.seconds) : 0;
}

function rates(snapshot) {
  const { start, seconds } = snapshot.rates ?? {};
  const full = (name) => snapshot.rates?.[name].slice(0, -1) ?? []; // the last bucket is still filling
  const points = (name) => full(name).map((n, index) => [Date.parse(start) + index * seconds * 1000, n / seconds]);
  const series = [{ name: "events", colour: "var(--speed)", kind: "area", points: points("events") }];
  if (full("predictions").some(Boolean)) series.push({ name: "predictions", colour: "var(--both)", kind: "line", points: points("predictions") });
  return { series, nothing: "The log cannot be read at the moment" };
}

function modelTable(models) {
  if (!models.length) return empty("This application has no models", "A model is a function of an event and the views: see the guide.");
  const loss = (model, expert) => number(model.scores[expert]?.recent, 3);
  return table(
    [
      { title: "model", cell: (model) => h("a", { href: `#/models/${encodeURIComponent(model.model)}` }, model.model) },
      { title: "champion", cell: (model) => (model.champion === null ? badge("none yet") : badge(`version ${model.champion}`, "batch")) },
      { title: "batch", number: true, cell: (model) => h("span", { class: "batch" }, loss(model, "batch")) },
      { title: "speed", number: true, cell: (model) => h("span", { class: "speed" }, bestSpeed(model)) },
      { title: "blend", number: true, cell: (model) => h("b", { class: "good-text" }, loss(model, "blend")) },
      { title: "alarms", number: true, cell: (model) => (model.alarms ? badge(model.alarms, "bad") : "0") },
    ],
    models,
    { caption: "Loss over the last thousand examples, by model" },
  );
}

/** The smallest recent loss among the experts of the speed layer. */
function bestSpeed(model) {
  const losses = Object.entries(model.scores).filter(([name, score]) => name !== "batch" && name !== "blend" && score.recent !== null);
  return losses.length ? number(Math.min(...losses.map(([, score]) => score.recent)), 3) : "–";
}

function runTable(snapshot) {
  const now = Date.parse(snapshot.time);
  if (!snapshot.runs.length) return empty("No batch run yet", h("a", { href: "#/batch" }, "Start the first one"), "Until then the speed layer answers alone, exactly.");
  return table(
    [
      { title: "started", cell: (run) => h("a", { href: `#/batch/${run.run}` }, ago(run.started, now)) },
      { title: "status", cell: (run) => badge(run.status === "running" ? (run.stage ?? "beginning") : run.status, { published: "good", running: "speed" }[run.status] ?? "bad") },
      { title: "generation", number: true, cell: (run) => run.generation ?? "–" },
      { title: "took", number: true, cell: (run) => duration(run.seconds) },
    ],
    snapshot.runs.slice(0, 5),
    { caption: "The newest batch runs" },
  );
}
