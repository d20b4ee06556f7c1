// The log: its end as it grows, and the events that were refused.

import { card, empty, field, h, say, select, show as showIf, table } from "../dom.js";
import { get, post, repeat } from "../api.js";
import { clock, count, instant } from "../format.js";
import { write } from "../json.js";

const KEPT = 400;
const SHOWN = 120;
const MARKED = 20; // more new ones at a time are not marked: the eye could not follow
const BACK = [200, 5000, 100_000];
const TAIL_MS = 1000;
const REJECTED_MS = 4000;
const REJECTED_SHOWN = 50;

export function show(root, { query }) {
  const body = h("div", { class: "stack" });
  root.append(body);
  const stops = { tail: () => {}, rejected: () => {} };
  let left = false;
  get("v1/streams").then(
    ({ streams }) => {
      if (left) return;
      const rejected = rejectedCard(streams);
      const started = (stop) => {
        stops.tail();
        stops.tail = stop;
      };
      body.append(streamsCard(streams), tail(streams, query, started), rejected.node);
      stops.rejected = repeat(rejected.update, REJECTED_MS);
      if (query.rejected) rejected.node.scrollIntoView();
    },
    (error) => body.append(empty("The log cannot be read", error.message)),
  );
  return () => {
    left = true;
    stops.tail();
    stops.rejected();
  };
}

function streamsCard(streams) {
  return card(
    "Streams",
    {},
    table(
      [
        { title: "stream", cell: (stream) => h("b", {}, stream.stream) },
        { title: "events", number: true, cell: (stream) => count(stream.events) },
        { title: "rejected", number: true, cell: (stream) => count(stream.rejected) },
        { title: "id", cell: (stream) => stream.id ?? "–" },
        { title: "key", cell: (stream) => stream.key ?? "–" },
        { title: "time", cell: (stream) => stream.time ?? "append time" },
        { title: "fields", wrap: true, cell: (stream) => Object.keys(stream.schema.properties ?? {}).join(", ") },
        { title: "views", cell: (stream) => stream.views.join(", ") || "–" },
      ],
      streams,
      { caption: "The streams of this application" },
    ),
  );
}

/** The newest events of one stream, with filters; `started` is told how to stop it whenever it starts anew. */
function tail(streams, query, started) {
  const names = streams.map((stream) => stream.stream);
  let stream = names.includes(query.stream) ? query.stream : names[0];
  let events = [];
  let next = null;
  let paused = false;
  const rows = h("div", { class: "tail", tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Newest events" });
  const key = h("input", { name: "key", placeholder: "any", value: query.key ?? "", oninput: () => draw(0) });
  const words = h("input", { name: "text", placeholder: "anywhere in the event", value: query.text ?? "", oninput: () => draw(0) });
  const pause = h("button", { class: "quiet small", "aria-pressed": "false", onclick: () => ((paused = !paused), pause.setAttribute("aria-pressed", paused), (pause.textContent = paused ? "Go on" : "Pause")) }, "Pause");
  const told = h("small");

  const passes = (event) => {
    if (key.value && !(event.key ?? "").toLowerCase().includes(key.value.toLowerCase())) return false;
    return !words.value || `${event.id} ${write(event.data)}`.toLowerCase().includes(words.value.toLowerCase());
  };

  function draw(fresh) {
    const shown = events.filter(passes);
    const newest = new Set(fresh && fresh <= MARKED ? events.slice(-fresh) : []);
    told.textContent = `${count(shown.length)} of the last ${count(events.length)}`;
    rows.replaceChildren(
      ...shown.slice(-SHOWN).reverse().map((event) =>
        h(
          "div",
          { class: newest.has(event) && "fresh" },
          h("span", {}, `${event.partition}:${event.offset}`),
          h("span", { class: "muted", title: `appended ${event.appended}` }, clock(event.appended)),
          h("span", { title: `event time ${event.time}` }, instant(event.time).slice(0, 16)),
          h("b", { title: event.key }, event.key ?? "–"),
          h("span", {}, fields(event.data, streams.find((one) => one.stream === stream))),
        ),
      ),
    );
    if (!shown.length) rows.replaceChildren(h("p", { class: "empty" }, events.length ? "Nothing passes the filters" : "No event yet: post one to this stream"));
  }

  async function begin() {
    const { log_end: end } = await get("readyz").catch((error) => error.body ?? {});
    for (const back of BACK) {
      const after = Math.max(0, Number(end?.split(":")[1] ?? 0) - back);
      const found = await get(address(), { after: `0:${after}`, limit: KEPT });
      events = found.events;
      next = found.next;
      if (events.length >= 50 || after === 0) break;
    }
    draw(0);
  }

  const address = () => `v1/streams/${encodeURIComponent(stream)}/events`;
  async function update() {
    if (next === null) return begin();
    if (paused) return undefined;
    const found = await get(address(), { after: next, limit: KEPT });
    next = found.next;
    if (!found.events.length) return undefined;
    events = [...events, ...found.events].slice(-KEPT);
    return draw(found.events.length);
  }

  const choose = (value) => {
    stream = value;
    events = [];
    next = null;
    started(repeat(update, TAIL_MS));
  };
  queueMicrotask(() => choose(stream));
  return card(
    "Live tail",
    { aside: h("div", { class: "row" }, told, pause) },
    h("div", { class: "fields" }, field("stream", select(names.map((name) => [name, name]), stream, choose, { name: "stream" })), field("key contains", key), field("text contains", words)),
    h("p", { class: "note" }, "Place in the log, time appended, event time, key, data; the newest first. Times are UTC."),
    rows,
  );
}

/** The fields of an event, but for those that have a column of their own. */
function fields(data, { key, time }) {
  const shown = Object.entries(data).filter(([name]) => name !== key && name !== time);
  return shown.map(([name, value]) => [h("span", { class: "name" }, `${name} `), h("span", { class: "value" }, typeof value === "string" ? value : write(value)), " "]);
}

function rejectedCard(streams) {
  const body = h("div");
  const node = card("Rejected events", { id: "rejected", note: "They did not fit their stream's schema, and wait here. Mend the sender or the model, then retry them." }, body);
  async function retry(stream, id) {
    try {
      await post(`v1/streams/${encodeURIComponent(stream)}/rejected/${id}/retry`);
      say(`Rejected event ${id} was accepted`);
    } catch (error) {
      say(error.status === 422 ? `Event ${id} is still wrong; it stays here` : error.message, "bad");
    }
    await update();
  }
  async function update() {
    const pages = await Promise.all(streams.map(({ stream }) => get(`v1/streams/${encodeURIComponent(stream)}/rejected`, { limit: REJECTED_SHOWN })));
    const letters = pages.flatMap((page, index) => page.rejected.map((letter) => ({ ...letter, stream: streams[index].stream })));
    const more = pages.some((page) => page.next !== null);
    const dropped = pages.reduce((sum, page) => sum + page.dropped, 0);
    const gone = dropped > 0 && h("small", {}, `${count(dropped)} older ones had to make room and are gone`);
    showIf(body, [letters, dropped], () => {
      if (!letters.length && dropped) return gone;
      if (!letters.length) return empty("Nothing was rejected", "Events that do not fit their schema would wait here, with the reasons.");
      return [
        table(
          [
            { title: "id", cell: (letter) => letter.id },
            { title: "stream", cell: (letter) => letter.stream },
            { title: "received", cell: (letter) => instant(letter.last) },
            { title: "times", number: true, cell: (letter) => count(letter.count) },
            { title: "reasons", wrap: true, cell: (letter) => letter.errors.map((error) => h("div", {}, h("b", {}, error.field || "event"), `: ${error.message}`)) },
            { title: "event", wrap: true, cell: (letter) => h("code", {}, letter.body.slice(0, 400)) },
            { title: "", cell: (letter) => h("button", { class: "small quiet", onclick: () => retry(letter.stream, letter.id) }, "Retry") },
          ],
          letters,
          { caption: "Rejected events", stacks: true },
        ),
        more && h("small", {}, `the first ${REJECTED_SHOWN} of each stream`),
        gone,
      ];
    });
  }
  return { node, update };
}
