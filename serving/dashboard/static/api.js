// Asking the service. The pages know nothing that any other client could not ask too.

import { read, write } from "./json.js";

/** An answer that is a problem (RFC 9457). Its message is for people. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? body.title ?? `The service answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

/** The answer to a request, as JSON; addresses are relative, so that a proxy may put us below a path. */
export async function ask(method, path, { query = {}, body, headers = {} } = {}) {
  const response = await send(method, path, { query, body, headers });
  return read(await response.text());
}

/** The answer itself, for what is no JSON. */
export async function send(method, path, { query = {}, body, headers = {} } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  const content = body === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path + search, { method, headers: { ...content, ...headers }, body: body === undefined ? undefined : write(body) });
  } catch {
    throw new Problem(0, { detail: "The service cannot be reached" });
  }
  if (response.status === 401) {
    location.assign("login");
    throw new Problem(401, { detail: "The API key is needed" });
  }
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
  return response;
}

export const get = (path, query) => ask("GET", path, { query });
export const post = (path, body, query) => ask("POST", path, { body, query });

/** Call `work` now and again `milliseconds()` after it ended, as long as somebody looks. Returns what stops it. */
export function repeat(work, milliseconds) {
  let timer = null;
  let stopped = false;
  const turn = async () => {
    timer = null;
    if (!document.hidden) await work().catch(() => {});
    if (!stopped && timer === null) timer = setTimeout(turn, typeof milliseconds === "function" ? milliseconds() : milliseconds);
  };
  const looked = () => {
    if (!document.hidden && timer !== null) {
      clearTimeout(timer);
      turn();
    }
  };
  document.addEventListener("visibilitychange", looked);
  turn();
  return () => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", looked);
  };
}
