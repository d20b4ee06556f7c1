// A form made from a model's schema, and the answer with what it is made of.

import { empty, field, h, select } from "../dom.js";
import { get, post } from "../api.js";
import { number, percent, text } from "../format.js";
import { numberOf, read, write } from "../json.js";
import { bars } from "../charts/bars.js";
import { colourOf } from "../charts/colours.js";

/** The form for one model, filled with the newest event of its stream. */
export function predictionForm(model, path) {
  const fields = Object.entries(model.schema.properties ?? {}).map(([name, schema]) => control(name, resolve(schema, model.schema)));
  if (!fields.length) return empty("The schema of this stream has no fields");
  const result = h("div", { class: "answer", "aria-live": "polite" });
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const given = Object.fromEntries(fields.map((one) => [one.name, one.read()]).filter(([, value]) => value !== undefined));
      result.replaceChildren(...explained(model, await post(`${path}/predict`, given)));
    } catch (error) {
      result.replaceChildren(h("div", { class: "problem", role: "alert" }, error.message));
    }
    button.disabled = false;
  };
  const button = h("button", { type: "submit" }, "Predict");
  const form = h("form", { onsubmit: submit, class: "stack" }, h("div", { class: "fields" }, fields.map((one) => one.node)), h("div", { class: "row" }, button), result);
  prefill(model, fields);
  return form;
}

async function prefill(model, fields) {
  const stream = `v1/streams/${encodeURIComponent(model.stream)}/events`;
  const { log_end: end } = await get("readyz").catch((error) => error.body ?? {});
  for (const back of [100, 5000]) {
    const after = `0:${Math.max(0, Number(end?.split(":")[1] ?? 0) - back)}`;
    const { events } = await get(stream, { after, limit: back }).catch(() => ({ events: [] }));
    if (!events.length) continue;
    for (const one of fields) one.fill(events.at(-1).data[one.name]);
    return;
  }
}

/** A schema with its reference followed, and "or null" taken off. */
function resolve(schema, root) {
  const target = schema.$ref ? root.$defs?.[schema.$ref.split("/").pop()] ?? {} : schema;
  const first = (target.anyOf ?? []).find((one) => one.type !== "null");
  return first ? { ...target, ...resolve(first, root) } : target;
}

function control(name, schema) {
  const label = schema.title && schema.title.toLowerCase() !== name.replaceAll("_", " ") ? `${name} (${schema.title})` : name;
  if (schema.enum || schema.type === "boolean") {
    const options = schema.enum ?? [true, false];
    const node = select([["", "–"], ...options.map((value) => [write(value), String(value)])], "", null, { name });
    const fill = (value) => (node.value = value === undefined || value === null ? "" : write(value));
    return { name, node: field(label, node), read: () => (node.value === "" ? undefined : read(node.value)), fill };
  }
  const numeric = schema.type === "number" || schema.type === "integer";
  const time = schema.format === "date-time";
  const plain = numeric || schema.type === "string";
  const node = h("input", {
    name,
    type: numeric ? "number" : "text",
    step: schema.type === "integer" ? 1 : "any",
    min: schema.minimum,
    max: schema.maximum,
    placeholder: time ? "2014-05-01T08:00:00Z" : plain ? "" : "JSON",
    autocomplete: "off",
  });
  const given = () => {
    if (node.value.trim() === "") return undefined;
    return numeric ? numberOf(node.value.trim()) : plain ? node.value : read(node.value);
  };
  const fill = (value) => (node.value = value === undefined || value === null ? "" : plain ? String(value) : write(value));
  return { name, node: field(label, node, schema.description ?? null), read: given, fill };
}

function explained(model, answer) {
  const experts = Object.keys(answer.parts);
  const made = answer.probabilities ? ofClasses(answer, experts) : ofNumbers(answer, experts);
  const features = Object.entries(answer.features);
  const weights = experts.map((expert) => ({ name: expert, parts: [{ value: answer.weights[expert] ?? 0, colour: colourOf(expert, experts) }], value: percent(answer.weights[expert] ?? 0, 1) }));
  const prediction = answer.prediction === null ? "nothing learnt yet" : text(answer.prediction);
  return [
    h("div", {}, h("span", { class: "muted" }, "The prediction"), h("div", { class: "big", id: "prediction" }, prediction), made, h("h3", {}, "Weights of the experts"), bars(weights, { most: 1 })),
    h("div", {}, h("h3", {}, "Features it was made from"), h("dl", { class: "facts" }, features.map(([name, value]) => [h("dt", {}, name), h("dd", {}, text(value))]))),
    h("small", {}, `${answer.generation === null ? "no generation yet" : `generation ${answer.generation}`}, fold at ${answer.speed_cut}${answer.prediction_id ? `, prediction ${answer.prediction_id}` : ""}`),
  ];
}

/** What each expert says, and the sum that the blend is. */
function ofNumbers(answer, experts) {
  const terms = experts.filter((expert) => answer.parts[expert] !== null);
  const sum = terms.flatMap((expert, index) => [
    index > 0 && h("span", {}, "+"),
    h("span", { class: "term", style: { "--colour": colourOf(expert, experts) } }, `${number(answer.weights[expert], 3)} × ${number(answer.parts[expert])} (${expert})`),
  ]);
  return h("div", {}, h("h3", {}, "What it is made of"), h("div", { class: "sum" }, sum, h("span", {}, "="), h("b", {}, number(answer.prediction))));
}

function ofClasses(answer, experts) {
  const row = (name, probabilities, colour) =>
    Object.entries(probabilities).map(([label, share]) => ({ name: `${name}: ${label}`, parts: [{ value: share, colour }], value: percent(share, 1) }));
  const rows = [...row("blend", answer.probabilities, "var(--both)"), ...experts.filter((expert) => answer.parts[expert]).flatMap((expert) => row(expert, answer.parts[expert], colourOf(expert, experts)))];
  return h("div", {}, h("h3", {}, "Probability of every class"), bars(rows, { most: 1 }));
}
