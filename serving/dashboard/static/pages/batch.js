// Batch runs: their stages, what the newest says of the models, and starting one.

import { badge, card, confirmed, empty, h, say, show as showIf, table } from "../dom.js";
import { get, post, repeat } from "../api.js";
import { clock, compact, count, duration, instant, number, percent, text } from "../format.js";
import { colourOfStage } from "../charts/colours.js";
import { refresh } from "../live.js";

const RUNS = 30;
const LABEL_SHARE = 0.08;
const RATE_LEAST = 1000;

export function show(root, { name }) {
  const full = h("input", { type: "checkbox", id: "full" });
  const start = h("button", { id: "start-run", onclick: () => begin() }, "Start a batch run");
  const list = h("div");
  const detail = h("div", { class: "stack" });
  root.append(
    h(
      "div",
      { class: "stack" },
      card("Runs", { aside: h("div", { class: "row" }, h("label", { class: "check", title: "Recompute everything from the raw log" }, full, "full"), start) }, list),
      detail,
    ),
  );
  let chosen = name;
  let running = false;

  async function begin() {
    const what = full.checked ? "A full batch run recomputes everything from the raw log." : "It folds what is new, trains the models, and publishes a generation.";
    if (!(await confirmed("Start a batch run?", `${what} It runs in a process of its own; answers stay exact meanwhile.`, "Start"))) return;
    start.disabled = true;
    try {
      const begun = await post("v1/batch/runs", undefined, { full: full.checked });
      say(`Run ${begun.run} has begun`);
      pick(begun.run);
    } catch (error) {
      say(error.message, "bad");
    }
    await Promise.all([update().catch(() => {}), refresh()]);
  }

  function pick(run) {
    chosen = run;
    history.replaceState(null, "", `#/batch/${run}`);
    update().catch(() => {});
  }

  async function update() {
    const { runs } = await get("v1/batch/runs", { limit: RUNS });
    running = runs.some((run) => run.status === "running");
    start.disabled = running;
    start.textContent = running ? "A run is at work" : "Start a batch run";
    const shown = runs.find((run) => run.run === chosen) ?? runs[0];
    showIf(list, [runs, shown?.run], () => (runs.length ? gantt(runs, shown, pick) : empty("No generation yet: start a batch run", "It archives the log, folds every view in parallel, trains the models, and publishes a generation. Until then the speed layer answers alone.")));
    showIf(detail, shown ?? null, () => (shown ? details(shown) : []));
  }
  return repeat(update, () => (running ? 700 : 3000));
}

/** A row a run, a segment a stage, all on one scale of seconds. */
function gantt(runs, shown, pick) {
  const longest = Math.max(...runs.map((run) => run.seconds), 0.001);
  const legend = [...new Set(runs.flatMap((run) => run.stages.map((stage) => stage.name)))];
  return [
    h("div", { class: "legend" }, legend.map((name) => h("span", { class: "key" }, h("i", { class: "block", style: { "--colour": colourOfStage(name) } }), name))),
    h("div", { class: "gantt" }, runs.map((run) => {
      const at = run.status === "running" ? run.stages.length - 1 : -1;
      const segments = run.stages.map((stage, index) => {
        const seconds = index === at ? Math.max(stage.seconds, run.seconds - sum(run.stages.slice(0, -1))) : stage.seconds;
        const share = seconds / longest;
        return h("i", { class: index === at && "now", title: `${stage.name}: ${duration(seconds)}`, style: { width: `${100 * share}%`, "--colour": colourOfStage(stage.name) } }, share > LABEL_SHARE ? stage.name : "");
      });
      const status = { published: "good", running: "speed" }[run.status] ?? "bad";
      const result = run.generation === null ? badge(run.status, status) : badge(`generation ${run.generation}`, status);
      return h(
        "button",
        { type: "button", class: "run", "aria-pressed": String(run === shown), onclick: () => pick(run.run), title: run.error },
        h("span", { class: "what" }, h("b", {}, instant(run.started)), h("span", {}, result, run.full && badge("full"))),
        h("span", { class: "track" }, segments),
        h("span", { class: "end" }, duration(run.seconds)),
      );
    })),
  ];
}

const sum = (stages) => stages.reduce((total, stage) => total + stage.seconds, 0);

function details(run) {
  return [
    card(
      `Run ${run.run}`,
      { aside: badge(run.status === "running" ? `${run.stage ?? "beginning"} …` : run.status, { published: "good", running: "speed" }[run.status] ?? "bad") },
      run.error && h("div", { class: "problem" }, run.error),
      (run.problems ?? []).map((problem) => h("div", { class: "problem" }, problem)),
      h("p", { class: "note" }, [`started ${instant(run.started)} UTC`, run.cut && `covers everything before ${run.cut}`, run.events && `${count(run.events)} records folded anew`, run.full && "everything recomputed"].filter(Boolean).join(" · ")),
      waterfall(run),
      h("h3", {}, "Stage by stage"),
      h("pre", { class: "lines muted", tabindex: 0, "aria-label": "Stage by stage" }, lines(run)),
    ),
    ...verdicts(run),
  ];
}

/** When each stage was at work, and how far it is. */
function waterfall(run) {
  if (!run.stages.length) return empty("No stage has begun yet");
  const total = Math.max(run.seconds, sum(run.stages), 0.001);
  let begun = 0;
  return h(
    "div",
    { class: "fall" },
    run.stages.map((stage, index) => {
      const now = run.status === "running" && index === run.stages.length - 1;
      const seconds = now ? Math.max(stage.seconds, run.seconds - begun) : stage.seconds;
      const done = stage.total ? Math.min(1, stage.done / stage.total) : 1;
      const at = `${(100 * begun) / total}%`;
      const bar = (share, kind) => h("i", { class: kind, style: { left: at, width: `${(100 * seconds * share) / total}%`, "--colour": colourOfStage(stage.name) } });
      begun += seconds;
      const rate = stage.done >= RATE_LEAST && seconds > 0 ? `, ${compact(Math.round(stage.done / seconds))}/s` : "";
      const told = now ? `${compact(stage.done)} of ${compact(stage.total)}, ${percent(done)}` : `${compact(stage.done)}${rate}`;
      return h("div", {}, h("b", {}, stage.name), h("div", { class: "track", role: now ? "progressbar" : null, "aria-label": now ? stage.name : null, "aria-valuenow": now ? Math.round(100 * done) : null }, now && bar(1, "rest"), bar(now ? done : 1)), h("span", { class: "end" }, `${told} · ${duration(seconds)}`));
    }),
  );
}

/** What the run's log would say. */
function lines(run) {
  let at = Date.parse(run.started);
  const found = run.stages.map((stage) => {
    const line = `${clock(new Date(at).toISOString())}  ${stage.name.padEnd(8)}  ${count(stage.done).padStart(11)}  ${duration(stage.seconds).padStart(9)}`;
    at += stage.seconds * 1000;
    return line;
  });
  if (run.finished) found.push(`${clock(run.finished)}  ${run.status}${run.generation === null ? "" : ` as generation ${run.generation}`}`);
  return found.join("\n");
}

/** Which candidates were tried, whether the gate let the new version pass, and whether features were the same. */
function verdicts(run) {
  const models = Object.entries(run.models);
  if (!models.length) return [];
  const gate = table(
    [
      { title: "model", cell: ([name]) => h("a", { href: `#/models/${encodeURIComponent(name)}` }, name) },
      { title: "verdict", cell: ([, told]) => (told.version === null ? badge("no version") : told.promoted ? badge("promoted", "good") : badge("rejected", "bad")) },
      { title: "holdout loss", number: true, cell: ([, told]) => number(told.holdout?.loss ?? null) },
      { title: "champion's", number: true, cell: ([, told]) => number(told.holdout?.incumbent ?? null) },
      { title: "rows", number: true, cell: ([, told]) => count(told.rows) },
      { title: "candidates", cell: ([, told]) => Object.entries(told.candidates ?? {}).map(([name, found]) => `${name} ${found.error ?? number(found.loss)}`).join("; ") || "–" },
      { title: "features failed", number: true, cell: ([, told]) => count(told.failed?.count ?? 0) },
    ],
    models,
    { caption: "Verdicts of the gate", stacks: true },
  );
  const skews = table(
    [
      { title: "model", cell: ([name]) => name },
      { title: "samples checked", number: true, cell: ([, told]) => count(told.skew?.checked ?? 0) },
      { title: "unequal", number: true, cell: ([, told]) => (told.skew?.unequal ? badge(count(told.skew.unequal), "bad") : "0") },
      { title: "examples", wrap: true, cell: ([, told]) => (told.skew?.examples ?? []).slice(0, 3).map((example) => h("div", {}, h("code", {}, text(example)))) },
    ],
    models,
    { caption: "Skew between training and serving", stacks: true },
  );
  return [
    card("The gate", { note: "A new version is promoted unless it loses to the champion on the same holdout by more than its tolerance." }, gate),
    card("Skew report", { note: "Features that the speed layer froze, compared with those of the replay: they should be equal." }, skews),
  ];
}
