// The picture of the cut, as it is at this moment: the log, what the batch layer covers, the epochs behind it, and how
// far the fold is. Nothing in it is to scale but the order: a generation may cover millions and an epoch three.

import { h, s } from "../dom.js";
import { compact, count, duration, offset, percent } from "../format.js";

const HEIGHT = 268;
const LOG = 62;
const BOXES = 100;
const BOX = 74;
const TIGHT = 140; // a box of fewer pixels has no room for offsets

/** {node, update(snapshot)} */
export function cutPicture() {
  const node = h("div", { class: "cut" });
  let snapshot = null;
  let end = null;

  function draw() {
    const width = node.clientWidth;
    if (!width || !snapshot) return;
    const now = offset(snapshot.log_end ?? snapshot.speed_cut);
    const arrived = end === null ? 0 : now - end;
    end = now;
    node.replaceChildren(picture(snapshot, width, now, arrived));
  }
  new ResizeObserver(draw).observe(node);
  return {
    node,
    update(next) {
      snapshot = next;
      draw();
    },
  };
}

function picture(snapshot, width, end, arrived) {
  const narrow = width < 560;
  const left = 4;
  const right = width - 14;
  const cut = offset(snapshot.batch_cut);
  const folded = offset(snapshot.speed_cut);
  const running = snapshot.runs.find((run) => run.status === "running");
  const epochs = snapshot.epochs.map((epoch, index) => ({
    start: offset(epoch.start),
    end: index + 1 < snapshot.epochs.length ? offset(snapshot.epochs[index + 1].start) : folded,
  })).filter((epoch, index, all) => epoch.end > epoch.start || index === all.length - 1);
  const border = left + (right - left) * (snapshot.generation === null ? 0.3 : epochs.length > 1 ? 0.42 : 0.56);
  const room = right - border;
  const inner = epochs.map((_, index) => border + (room * index) / epochs.length);
  const described = describe(snapshot, cut, folded, end, epochs);
  return s(
    "svg",
    { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, role: "img", "aria-label": described },
    s("text", { class: "title", x: left, y: 16 }, "the log"),
    s("text", { x: right, y: 16, "text-anchor": "end" }, `${count(end)} records`),
    logLine(left, right, border, inner, end, folded, arrived),
    epochs.map((epoch, index) => index > 0 && marker(inner[index], "▲ batch_started", narrow, epoch)),
    cut > 0 && marker(border, narrow ? "▲ the cut" : "▲ batch_started: the cut", narrow),
    batchBox(snapshot, left, border, cut, narrow),
    epochs.map((epoch, index) => epochBox(epoch, inner[index], (inner[index + 1] ?? right) - 6, index === epochs.length - 1, narrow)),
    answer(snapshot, left, right, border),
    running && progress(running, left, inner.at(-1), narrow),
  );
}

function logLine(left, right, border, inner, end, folded, arrived) {
  const dots = [];
  const step = 21;
  const many = Math.floor((right - left - 26) / step);
  const shown = Math.min(many, end);
  const behind = Math.min(end - folded, 6);
  for (let index = 0; index < shown; index++) {
    const x = right - 26 - (shown - 1 - index) * step;
    const waits = index >= shown - behind;
    const kind = waits ? "behind" : x < border ? "dot-batch" : "dot-speed";
    const fresh = index >= shown - Math.min(arrived, 8);
    dots.push(s("circle", { cx: x, cy: LOG, r: 5, class: `${kind}${fresh ? " newcomer" : ""}` }));
  }
  return [
    s("path", { class: "log", d: `M${left} ${LOG}H${right - 8}` }),
    s("path", { class: "arrow", d: `M${right} ${LOG}l-10 -5v10z` }),
    dots,
  ];
}

function marker(x, label, narrow) {
  return [
    s("path", { class: "border", d: `M${x - 3} ${LOG - 16}V${BOXES + BOX + 8}` }),
    s("text", { x: x - 3, y: LOG - 22, "text-anchor": "middle" }, narrow ? label.split(" ")[0] : label),
  ];
}

function batchBox(snapshot, left, border, cut, narrow) {
  const none = snapshot.generation === null;
  const middle = (left + border - 8) / 2;
  const lines = none
    ? ["no generation yet", narrow ? "run batch" : "start a batch run"]
    : [`generation ${snapshot.generation}`, `[0, ${count(cut)})`];
  return [
    s("rect", { class: `box ${none ? "nothing" : "batch"}`, x: left, y: BOXES, width: Math.max(0, border - left - 9), height: BOX, rx: 9 }),
    s("text", { class: "title", x: middle, y: BOXES + 24, "text-anchor": "middle" }, narrow ? "batch" : "batch layer"),
    lines.map((line, index) => s("text", { x: middle, y: BOXES + 43 + index * 17, "text-anchor": "middle" }, line)),
  ];
}

function epochBox(epoch, from, to, last, narrow) {
  const middle = (from + to) / 2 + 2;
  const name = last ? (narrow ? "speed" : "speed layer: current epoch") : narrow ? "epoch" : "speed layer: epoch";
  const records = epoch.end - epoch.start;
  const tight = to - from < TIGHT;
  const lines = tight ? [compact(records), "records"] : [`[${count(epoch.start)}, ${count(epoch.end)})`, `${count(records)} records`];
  return [
    s("rect", { class: "box speed", x: from + 3, y: BOXES, width: Math.max(0, to - from - 3), height: BOX, rx: 9 }),
    s("text", { class: "title", x: middle, y: BOXES + 24, "text-anchor": "middle" }, name),
    lines.map((line, index) => s("text", { x: middle, y: BOXES + 43 + index * 17, "text-anchor": "middle" }, line)),
  ];
}

/** How far the running batch is with what it will cover. */
function progress(run, left, to, narrow) {
  const stage = run.stages.at(-1);
  const share = stage?.total ? Math.min(1, stage.done / stage.total) : 0;
  const width = Math.max(0, to - left - 6);
  return [
    s("rect", { class: "box nothing ground", x: left, y: BOXES + BOX + 12, width, height: 20, rx: 6 }),
    s("rect", { class: "box progress", x: left, y: BOXES + BOX + 12, width: width * share, height: 20, rx: 6 }),
    s("text", { x: left + 10, y: BOXES + BOX + 26 }, narrow ? `${run.stage} ${percent(share)}` : `batch run at work: ${run.stage ?? "beginning"} ${percent(share)}`),
  ];
}

function answer(snapshot, left, right, border) {
  const middle = (left + right) / 2;
  const half = Math.min(150, (right - left) / 2 - 30);
  const y = HEIGHT - 45;
  const from = BOXES + BOX;
  const arrow = (x, to) => [
    s("path", { class: "flow", d: `M${x} ${from}V${y + 21}H${to}` }),
    s("path", { class: "arrow", d: `M${to} ${y + 21}l${to > x ? -9 : 9} -5v10z` }),
  ];
  const starts = [Math.min((left + border) / 2, middle - half - 22), Math.max((border + right) / 2, middle + half + 22)];
  return [
    snapshot.generation !== null && arrow(starts[0], middle - half - 2),
    arrow(starts[1], middle + half + 2),
    s("rect", { class: "box both", x: middle - half, y, width: 2 * half, height: 42, rx: 9 }),
    s("text", { class: "title", x: middle, y: y + 19, "text-anchor": "middle" }, "answer = batch ⊕ speed"),
    s("text", { x: middle, y: y + 34, "text-anchor": "middle" }, `${duration(snapshot.lag_seconds)} behind the log`),
  ];
}

function describe(snapshot, cut, folded, end, epochs) {
  const batch = snapshot.generation === null ? "There is no generation yet." : `Generation ${snapshot.generation} covers the first ${count(cut)} records.`;
  return `The log has ${count(end)} records. ${batch} ${epochs.length} epochs of the speed layer cover the records up to ${count(folded)}.`;
}
