// The losses of a model's experts over time, as a chart wants them.

import { colourOf } from "./colours.js";
import { interpolate } from "./scale.js";
import { offset } from "../format.js";

const KEPT_MARKS = 40;

/** The points of the series in the order of the log, at their times: an event that came late stands where it came. */
export function ordered(model) {
  let newest = -Infinity;
  return model.series.map((point) => {
    newest = Math.max(newest + 1, Date.parse(point.time));
    return { ...point, x: newest };
  });
}

/** The losses in the way that was chosen, with what happened on the way: a new champion, an alarm. */
export function losses(model, experts, way) {
  const points = ordered(model);
  const { values, most, nothing: why } = WAYS[way];
  const series = [...experts, "blend"].map((expert) => ({
    name: expert,
    colour: colourOf(expert, experts),
    points: values(points.filter((point) => expert in point.loss), expert),
  }));
  return { series, marks: events(model, points), most: most ? usual(series) : undefined, nothing: model.series.length ? why : nothing(model) };
}

export const WAYS = {
  smoothed: { text: "Smoothed", values: (points, expert) => smoothed(points, expert).map((value, index) => [points[index].x, value]) },
  mean: { text: "Mean so far", values: meanSoFar },
  points: { text: "As it was", values: (points, expert) => points.map((point) => [point.x, point.loss[expert]]), most: true },
  champion: { text: "Against batch", values: againstBatch, nothing: "There is no champion to compare with yet" },
};

/** The mean around each point, less of what is further away: examples differ much more than experts do. */
function smoothed(points, expert) {
  const half = Math.max(1, Math.round(points.length / 16));
  return points.map((_, index) => {
    let [total, n] = [0, 0];
    for (let at = Math.max(0, index - half); at <= Math.min(points.length - 1, index + half); at++) {
      const weight = points[at].count * (1 - (Math.abs(at - index) / (half + 1)) ** 2);
      total += weight * points[at].loss[expert];
      n += weight;
    }
    return total / n;
  });
}

function meanSoFar(points, expert) {
  let [total, n] = [0, 0];
  return points.map((point) => {
    total += point.count * point.loss[expert];
    n += point.count;
    return [point.x, total / n];
  });
}

/** How much more it loses than the champion does, as a share of that. */
function againstBatch(points, expert) {
  const both = points.filter((point) => point.loss.batch !== undefined);
  const [own, batch] = [smoothed(both, expert), smoothed(both, "batch")];
  return both.map((point, index) => [point.x, batch[index] ? own[index] / batch[index] - 1 : 0]);
}

/** A single wild error must not flatten the rest: the axis ends above what 98 of 100 points are. */
function usual(series) {
  const values = series.flatMap((one) => one.points.map(([, y]) => y)).sort((a, b) => a - b);
  return 1.35 * (values[Math.floor(values.length * 0.98)] ?? 1);
}

/** New champions and alarms; places in the log become times. */
function events(model, points) {
  const champions = points
    .filter((point, index) => point.version !== null && points[index - 1]?.version !== point.version)
    .map((point) => ({ x: point.x, label: `v${point.version}`, kind: "a new champion", colour: "var(--batch)", title: `version ${point.version} is the champion` }));
  const places = points.filter((point) => point.at !== null).map((point) => [offset(point.at), point.x]);
  const alarms = model.alarms
    .slice(-KEPT_MARKS)
    .filter((alarm) => places.length && offset(alarm.at) <= places.at(-1)[0])
    .map((alarm) => ({ x: interpolate(places, offset(alarm.at)), kind: "drift alarm", colour: "var(--bad)", title: `drift alarm at ${alarm.at}` }));
  return [...champions, ...alarms];
}

export function nothing(model) {
  return model.champion === null
    ? "No generation yet: start a batch run. Experts are compared once there is a champion."
    : "Not enough examples yet: experts are compared on what comes after the generation.";
}
