// A chart with a horizontal axis: lines, areas, bars and points, with marks, a legend that hides, and a cross that
// follows the pointer or the arrow keys.

import { h, s, empty } from "../dom.js";
import { instant, number, tick } from "../format.js";
import { isNumber } from "../json.js";
import { linear, ticks, timeTicks } from "./scale.js";

const LEFT_LEAST = 34;
const RIGHT = 10;
const BOTTOM = 22;

/**
 * @param label    what it shows, for those who cannot see it
 * @param height   in pixels
 * @param time     whether x is a time in milliseconds; else it is a number
 * @param stacked  whether bars and areas stand on one another
 * @param zero     whether the vertical axis begins at 0
 * @param format   how a value is written
 * @returns {node, update(data)} where data is {series: [{name, colour, kind, points: [[x, y]], width}], marks: [{x, label,
 *          colour, kind, title}], most, nothing: text}; kind is line, area, bars or points, width is that of a bar in units
 *          of x; the vertical axis ends at `most`, however large values are; `nothing` is said if there is nothing to draw
 */
export function chart({ label, height = 220, time = true, stacked = false, zero = true, format = number }) {
  const plot = h("div", { class: "plot", tabindex: 0, role: "img", "aria-label": label });
  const tip = h("div", { class: "tip", hidden: true });
  const keys = h("div", { class: "legend" });
  const spoken = h("div", { class: "unseen", role: "status" });
  const node = h("figure", { class: "chart", style: { margin: "0" } }, keys, plot, tip, spoken);
  const hidden = new Set();
  let data = { series: [], marks: [] };
  let drawn = null;
  let at = null;

  const shown = () => data.series.filter((one) => !hidden.has(one.name));

  function drawKeys() {
    const buttons = data.series.map((one) => {
      const toggle = () => (hidden.has(one.name) ? hidden.delete(one.name) : hidden.add(one.name), draw());
      const block = one.kind === "bars" || (one.kind === "area" && stacked) ? "block" : null;
      return h("button", { type: "button", "aria-pressed": String(!hidden.has(one.name)), onclick: toggle }, h("i", { class: block, style: { "--colour": one.colour } }), one.name);
    });
    const marks = new Map((data.marks ?? []).filter((mark) => mark.kind).map((mark) => [mark.kind, mark]));
    const extra = [...marks].map(([kind, mark]) => h("span", { class: "key" }, h("i", { class: "stroke", style: { "--colour": mark.colour } }), kind));
    keys.replaceChildren(...buttons, ...extra);
    keys.hidden = buttons.length + extra.length < 2;
  }

  function draw() {
    drawKeys();
    const width = plot.clientWidth;
    const layers = stack(shown(), stacked);
    const all = layers.flatMap((one) => one.points);
    if (!width) return;
    if (!all.length) {
      drawn = null;
      tip.hidden = true;
      plot.replaceChildren(empty(data.nothing ?? "Nothing to draw yet"));
      return;
    }
    const extra = layers.some((one) => one.kind === "bars") ? Math.max(...layers.map((one) => one.width ?? 0)) : 0;
    const low = Math.min(...all.map((p) => p.x));
    const high = Math.max(...all.map((p) => p.x)) + extra;
    const bottom = Math.min(...all.map((p) => p.y), zero ? 0 : Infinity);
    let top = Math.min(data.most ?? Infinity, Math.max(...all.map((p) => p.y), zero ? 0 : -Infinity));
    if (top === bottom) top = bottom + 1;
    const rows = ticks(bottom, top, height / 48);
    const [y0, y1] = [rows.at[0], rows.at.at(-1)];
    const left = Math.max(LEFT_LEAST, 12 + 7 * Math.max(...rows.at.map((value) => format(value).length)));
    const head = (data.marks ?? []).some((mark) => mark.label) ? 18 : 8;
    const x = linear(low, high, left, width - RIGHT);
    const y = linear(y0, y1, height - BOTTOM, head);
    const columns = time ? timeTicks(low, high, Math.max(2, (width - left) / 78)) : ticks(low, high, (width - left) / 90);
    const picture = s(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" },
      rows.at.map((value) => [
        s("line", { class: "grid-line", x1: left, x2: width - RIGHT, y1: y(value), y2: y(value) }),
        s("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, format(value)),
      ]),
      columns.at.filter((value) => value >= low && value <= high).map((value) =>
        s("text", { x: Math.min(Math.max(x(value), left + 8), width - 22), y: height - 4, "text-anchor": "middle" }, time ? tick(value, columns.step) : format(value)),
      ),
      layers.map((one) => within(one, y1)).map((one) => shape(one, x, y, y(Math.max(y0, 0)), extra)),
      marks(data.marks ?? [], x, low, high, head, height - BOTTOM),
    );
    const cross = s("line", { class: "cross", y1: head, y2: height - BOTTOM, visibility: "hidden" });
    picture.append(cross);
    plot.replaceChildren(picture);
    const places = [...new Set(all.map((p) => p.x))].sort((a, b) => a - b);
    drawn = { x, y, cross, places, layers, extra, low, width };
    point(at !== null && at < places.length ? at : null);
  }

  function point(index, aloud = false) {
    at = index;
    tip.hidden = index === null;
    drawn?.cross.setAttribute("visibility", index === null ? "hidden" : "visible");
    if (index === null || !drawn) return;
    const place = drawn.places[index];
    const middle = drawn.x(place + drawn.extra / 2);
    drawn.cross.setAttribute("x1", middle);
    drawn.cross.setAttribute("x2", middle);
    const title = time ? instant(new Date(place).toISOString()) : format(place);
    const lines = drawn.layers
      .map((one) => [one, one.points.find((p) => p.x === place)])
      .filter(([, p]) => p)
      .map(([one, p]) => [one, format(p.value)]);
    tip.replaceChildren(h("b", {}, title), ...lines.map(([one, value]) => h("div", {}, h("i", { style: { "--colour": one.colour } }), h("span", {}, one.name), h("span", {}, value))));
    const right = middle > drawn.width / 2;
    tip.style.left = right ? "auto" : `${middle + 14}px`;
    tip.style.right = right ? `${drawn.width - middle + 14}px` : "auto";
    tip.style.top = `${plot.offsetTop + 8}px`;
    if (aloud) spoken.textContent = `${title}: ${lines.map(([one, value]) => `${one.name} ${value}`).join(", ")}`;
  }

  plot.addEventListener("pointermove", (event) => {
    if (!drawn) return;
    const wanted = event.clientX - plot.getBoundingClientRect().left;
    const distance = (place) => Math.abs(drawn.x(place + drawn.extra / 2) - wanted);
    point(drawn.places.reduce((best, place, index) => (distance(place) < distance(drawn.places[best]) ? index : best), 0));
  });
  plot.addEventListener("pointerleave", () => point(null));
  plot.addEventListener("blur", () => point(null));
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") point(null);
    if (!step || !drawn) return;
    event.preventDefault();
    point(Math.min(Math.max((at ?? (step < 0 ? drawn.places.length : -1)) + step, 0), drawn.places.length - 1), true);
  });
  new ResizeObserver(() => draw()).observe(plot);

  return {
    node,
    update(next) {
      data = next;
      draw();
    },
  };
}

/** Points as {x, y, low, value}: where they are drawn, and what they are worth. */
function stack(series, stacked) {
  const tops = new Map();
  return series.map((one) => {
    const stands = stacked && (one.kind === "bars" || one.kind === "area");
    const points = one.points
      .filter(([, value]) => isNumber(value) && Number.isFinite(+value))
      .map(([x, value]) => {
        const low = stands ? (tops.get(x) ?? 0) : 0;
        if (stands) tops.set(x, low + value);
        return { x, y: low + value, low, value };
      });
    return { ...one, points };
  });
}

/** What is higher than the axis is drawn at its end; its worth is still told. */
function within(one, top) {
  return { ...one, points: one.points.map((p) => (p.y > top ? { ...p, y: top } : p)) };
}

function shape(one, x, y, base, extra) {
  const { kind = "line", colour, points } = one;
  if (kind === "bars") {
    const width = Math.max(1, x(one.width ?? extra) - x(0) - 1);
    return points.map((p) => s("rect", { x: x(p.x), width, y: Math.min(y(p.y), y(p.low)), height: Math.max(0, Math.abs(y(p.low) - y(p.y))), fill: colour, class: "stacked", rx: Math.min(2, width / 3) }));
  }
  if (kind === "points") return points.map((p) => s("circle", { cx: x(p.x + extra / 2), cy: y(p.y), r: 3.2, fill: colour }));
  const line = points.map((p, i) => `${i ? "L" : "M"}${x(p.x + extra / 2).toFixed(1)} ${y(p.y).toFixed(1)}`).join("");
  if (kind === "line") return s("path", { class: "line", d: line, stroke: colour });
  const back = points.map((p) => `L${x(p.x).toFixed(1)} ${(p.low ? y(p.low) : base).toFixed(1)}`).reverse().join("");
  return [s("path", { class: one.solid ? "stacked" : "area", d: `${line}${back}Z`, fill: colour }), s("path", { class: "line", d: line, stroke: colour })];
}

/** Upright lines; a label that would stand on another one is left out. */
function marks(given, x, low, high, top, bottom) {
  let end = -Infinity;
  return given
    .filter((mark) => mark.x >= low && mark.x <= high)
    .sort((a, b) => a.x - b.x)
    .map((mark) => {
      const at = x(mark.x);
      const fits = mark.label && at - end > 6;
      if (fits) end = at + 7 * mark.label.length;
      return [
        s("line", { class: "mark", x1: at, x2: at, y1: top - 4, y2: bottom, stroke: mark.colour }, s("title", {}, mark.title ?? mark.label ?? mark.kind)),
        fits && s("text", { class: "mark-label", x: at + 3, y: top - 6, style: { fill: mark.colour } }, mark.label),
      ];
    });
}
