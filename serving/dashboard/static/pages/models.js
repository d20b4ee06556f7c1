// A model: who loses how much, who counts how much, which versions there are, and a form that asks it.

import { badge, card, confirmed, empty, h, say, show as showIf, table } from "../dom.js";
import { get, post, repeat } from "../api.js";
import { compact, count, instant, number, percent } from "../format.js";
import { chart } from "../charts/chart.js";
import { bars } from "../charts/bars.js";
import { colourOf } from "../charts/colours.js";
import { WAYS, losses, nothing, ordered } from "../charts/losses.js";
import { refresh } from "../live.js";
import { predictionForm } from "./prediction.js";

const REFRESH_MS = 4000;

export function show(root, { name }) {
  const body = h("div");
  root.append(body);
  let stop = () => {};
  let left = false;
  get("v1/models").then(
    ({ models }) => {
      if (left) return;
      if (!models.length) {
        body.append(empty("This application has no models", "Add one to the application's file with @app.model(...): the guide shows how."));
        return;
      }
      const chosen = models.find((model) => model.model === name) ?? models[0];
      if (models.length > 1) {
        const tabs = models.map((model) =>
          h("button", { type: "button", "aria-pressed": String(model === chosen), onclick: () => (location.hash = `#/models/${encodeURIComponent(model.model)}`) }, model.model),
        );
        body.append(h("div", { class: "tabs wide-tabs", role: "group", "aria-label": "Model" }, tabs));
      }
      stop = showModel(body, chosen.model);
    },
    (error) => body.append(empty("The models cannot be shown", error.message)),
  );
  return () => {
    left = true;
    stop();
  };
}

function showModel(root, name) {
  const path = `v1/models/${encodeURIComponent(name)}`;
  const facts = h("div", { class: "tiles" });
  const loss = chart({ label: `Loss of every expert of ${name} over time`, height: 270, zero: false, format: (value) => (way === "champion" ? percent(value, 1) : number(value)) });
  const weights = chart({ label: `Weight of every expert of ${name} over time`, height: 170, stacked: true, format: (value) => percent(value) });
  const versions = h("div");
  const scores = h("div");
  const health = h("div");
  const form = h("div", {}, h("p", { class: "note" }, "Reading the schema …"));
  let formMade = false;
  let way = "smoothed";
  let model = null;
  const ways = h("div", { class: "tabs", role: "group", "aria-label": "How the losses are drawn" }, Object.entries(WAYS).map(([key, { text }]) => h("button", { type: "button", "data-way": key, onclick: () => ((way = key), drawLosses()) }, text)));
  root.append(
    facts,
    h(
      "div",
      { class: "grid" },
      card("Loss over time", { wide: true, aside: ways, note: "Each example is predicted before anybody learns from it. Lower is better." }, loss.node),
      card("Weights in the blend", { wide: true }, weights.node),
      card("Versions", { wide: true }, versions),
      card("Ask it", { wide: true, id: "ask", note: "The form is made from the stream's schema. The label and what the features do not need may stay empty." }, form),
      card("Scores", {}, scores),
      card("Health", {}, health),
    ),
  );
  const act = async (what, body, question, yes) => {
    if (!(await confirmed(question, "It takes effect at its place in the log, without a restart, and can be taken back.", yes))) return;
    try {
      const done = await post(`${path}/${what}`, body);
      say(`Version ${done.champion} is the champion of ${name}, from position ${done.position} on`);
    } catch (error) {
      say(error.message, "bad");
    }
    await Promise.all([update().catch(() => {}), refresh()]);
  };
  function drawLosses() {
    for (const button of ways.children) button.setAttribute("aria-pressed", String(button.dataset.way === way));
    if (model) loss.update(losses(model, expertsOf(model), way));
  }
  async function update() {
    model = await get(path);
    const experts = expertsOf(model);
    showIf(facts, [model.champion, model.weights, model.scores.blend, model.alarms.length], () => figures(model, experts));
    const drawn = JSON.stringify([model.series.length, model.series.at(-1)?.count, model.alarms.length, model.versions.length]);
    if (drawn !== loss.drawn) {
      loss.drawn = drawn;
      drawLosses();
      weights.update(weightsOf(model, experts));
    }
    showIf(versions, [model.versions, model.champion], () => versionTable(model, act));
    showIf(scores, [model.scores, model.weights], () => scoreBars(model, experts));
    showIf(health, [model.diverged, model.clipped, model.failed, model.errors, model.untrained, model.labels, model.skew, model.alarms, model.candidates], () => healthOf(model));
    if (!formMade) {
      formMade = true;
      form.replaceChildren(predictionForm(model, path));
    }
  }
  return repeat(update, REFRESH_MS);
}

function expertsOf(model) {
  return [...new Set([...Object.keys(model.weights), ...Object.keys(model.scores)])].filter((expert) => expert !== "blend");
}

function figures(model, experts) {
  const blend = model.scores.blend;
  const best = Math.min(...experts.map((expert) => model.scores[expert]?.recent ?? Infinity));
  const gain = blend?.recent !== null && blend !== undefined && Number.isFinite(best) && best > 0 ? (best - blend.recent) / best : null;
  const tile = (title, value, note) => h("div", { class: "tile" }, h("span", {}, title), h("b", {}, value), h("small", {}, note));
  return [
    tile("Champion", model.champion === null ? "none yet" : `version ${model.champion}`, model.champion === null ? "a batch run trains one" : `of ${model.versions.length} kept`),
    tile("Task", model.task, `measured by ${model.metric.replace("_", " ")}`),
    tile("Loss of the blend", number(blend?.recent ?? null), blend ? `last ${count(Math.min(blend.count, 1000))} examples` : "needs a champion"),
    tile("Against the best expert", gain === null ? "–" : `${gain >= 0 ? "−" : "+"}${percent(Math.abs(gain), 1)}`, gain === null ? "" : gain >= 0 ? "the blend is better" : "the blend is worse"),
    tile("Drift alarms", count(model.alarms.length), model.alarms.length ? `last at ${model.alarms.at(-1).at}` : "none"),
  ];
}

function weightsOf(model, experts) {
  const series = experts.map((expert) => ({
    name: expert,
    colour: colourOf(expert, experts),
    kind: "area",
    solid: true,
    points: ordered(model).filter((point) => Object.keys(point.weights).length).map((point) => [point.x, point.weights[expert] ?? 0]),
  }));
  return { series, most: 1, nothing: nothing(model) };
}

function versionTable(model, act) {
  if (!model.versions.length) return empty("No version yet", "A batch run trains one: no generation holds a version of this model.", h("a", { href: "#/batch" }, "Start a batch run"));
  const status = { champion: "good", rejected: "bad", retired: "" };
  const promote = (held) => act("promote", { version: held.version }, `Promote version ${held.version} of ${model.model}?`, "Promote");
  const rollback = h(
    "button",
    { class: "quiet", id: "rollback", disabled: !model.versions.some((held) => held.status === "retired"), onclick: () => act("rollback", undefined, `Roll ${model.model} back?`, "Roll back"), title: "The champion before the present one becomes the champion again" },
    "Roll back",
  );
  return [
    table(
      [
        { title: "version", cell: (held) => h("b", {}, held.version) },
        { title: "status", cell: (held) => badge(held.status, status[held.status]) },
        { title: "holdout loss", number: true, cell: (held) => number(held.holdout) },
        { title: "trained on", number: true, cell: (held) => `${count(held.rows)} rows` },
        { title: "before", number: true, cell: (held) => held.cut },
        { title: "generation", number: true, cell: (held) => held.generation },
        { title: "candidate", cell: (held) => held.candidate },
        { title: "", cell: (held) => held.status !== "champion" && h("button", { class: "small", onclick: () => promote(held) }, `Promote ${held.version}`) },
      ],
      model.versions,
      { caption: `Versions of ${model.model}`, stacks: true },
    ),
    h("div", { class: "row end" }, rollback),
  ];
}

function scoreBars(model, experts) {
  const scored = [...experts, "blend"].filter((expert) => model.scores[expert]);
  if (!scored.length) return empty("Nothing scored yet", nothing(model));
  const rows = (word) => scored.map((expert) => ({ name: expert, parts: [{ value: model.scores[expert][word], colour: colourOf(expert, experts) }], value: number(model.scores[expert][word]) }));
  return [h("h3", {}, "Mean loss over the last examples"), bars(rows("recent")), h("h3", {}, "Mean loss since the start"), bars(rows("loss"))];
}

function healthOf(model) {
  const bad = Object.entries(model.diverged).filter(([, diverged]) => diverged).map(([expert]) => expert);
  const clipped = Object.entries(model.clipped).map(([expert, n]) => `${expert} ${compact(n)}`).join(", ");
  const raised = Object.entries(model.errors);
  const failed = Object.entries(model.untrained);
  const fact = (name, value) => [h("dt", {}, name), h("dd", {}, value)];
  return h(
    "dl",
    { class: "facts" },
    fact("Diverged", bad.length ? badge(bad.join(", "), "bad") : "none"),
    fact("Clipped predictions", clipped || "none"),
    fact("Features failed", model.failed.count ? [badge(count(model.failed.count), "bad"), " ", model.failed.examples.at(-1)?.reason ?? ""] : "never"),
    fact("Learners raised", raised.length ? raised.map(([expert, told]) => [badge(`${expert} ${count(told.count)}`, "bad"), " ", told.last, " "]) : "never"),
    fact("Training failed", failed.length ? failed.map(([what, why]) => [badge(what, "bad"), " ", why, " "]) : "no"),
    fact("Skew test", model.skew ? `${count(model.skew.checked)} samples checked, ${count(model.skew.unequal)} unequal` : "not run yet"),
    model.labels && fact("Labels", Object.entries(model.labels).map(([name, n]) => `${name} ${typeof n === "number" ? compact(n) : n}`).join(", ")),
    fact("Candidates", Object.entries(model.candidates).map(([name, found]) => `${name}: ${found.error ?? number(found.loss)}`).join("; ") || "none yet"),
    fact("Last alarm", model.alarms.length ? `${model.alarms.at(-1).at}, noticed ${instant(model.alarms.at(-1).time)}` : "none"),
  );
}
