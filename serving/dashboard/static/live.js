// The snapshot of the service, asked for once for the whole page and handed to whoever wants it.

import { get, repeat } from "./api.js";

const wanted = new Set();
let newest = null;
let problem = null;
let quick = false;

/** Have `take(snapshot, problem)` called with every new snapshot, and with the newest one now. Returns what ends it. */
export function follow(take) {
  wanted.add(take);
  if (newest) take(newest, problem);
  return () => wanted.delete(take);
}

/** Whether the page shows the snapshot itself, rather than a word of it. */
export function often(value) {
  quick = value;
}

/** Ask at once: something was changed. */
export async function refresh() {
  try {
    newest = await get("dashboard/snapshot");
    problem = newest.problem;
  } catch (error) {
    problem = error.message;
  }
  if (newest || problem) for (const take of [...wanted]) take(newest, problem);
}

export const begin = () => repeat(refresh, () => (quick ? 1000 : 3000));
