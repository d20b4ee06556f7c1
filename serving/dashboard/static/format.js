// Numbers, times and positions as text for people. Times are UTC, as everywhere in Anabranch.

import { Whole, isNumber, write } from "./json.js";

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A count with separators. */
export const count = (value) => (value === null || value === undefined ? "–" : whole.format(value));

/** A count in little room: 12.3K. */
export const compact = (value) => (Math.abs(value) < 10_000 ? number(value) : short.format(value));

/** A number with so many significant digits as one reads. */
export function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (value instanceof Whole) return whole.format(BigInt(value.digits));
  if (typeof value !== "number") return String(value);
  if (Number.isSafeInteger(value)) return whole.format(value);
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e12)) return value.toExponential(2);
  return new Intl.NumberFormat("en", { maximumSignificantDigits: Math.max(digits, Math.ceil(Math.log10(Math.abs(value) || 1))) }).format(value);
}

export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)} %`;

/** Seconds as people say them. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.0005) return "0 ms";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 && !Number.isInteger(seconds) ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}

/** How long ago a moment was, in the largest unit that fits. */
export function ago(text, now) {
  const seconds = Math.max(0, Math.round((now - Date.parse(text)) / 1000));
  const [unit, size] = [["days", 172_800], ["h", 7200], ["min", 120], ["s", 0]].find(([, least]) => seconds >= least);
  const length = { days: 86_400, h: 3600, min: 60, s: 1 }[unit];
  return size === 0 && seconds < 1 ? "just now" : `${Math.floor(seconds / length)} ${unit} ago`;
}

/** 2014-05-01 08:00:00 */
export const instant = (text) => (text ? text.slice(0, 19).replace("T", " ") : "–");

export const clock = (text) => (text ? text.slice(11, 19) : "–");

/** The offset in a position: "0:1234" is 1234. */
export const offset = (position) => (position ? Number(position.split(":")[1]) : 0);

/** How a moment (milliseconds) stands on an axis whose ticks are `step` apart. */
export function tick(at, step) {
  const date = new Date(at);
  const pair = (value) => String(value).padStart(2, "0");
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
  if (step >= 28 * 86_400_000) return `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  if (step >= 86_400_000) return day;
  const time = `${pair(date.getUTCHours())}:${pair(date.getUTCMinutes())}`;
  if (step >= 60_000) return date.getUTCHours() + date.getUTCMinutes() === 0 ? day : time;
  return `${time}:${pair(date.getUTCSeconds())}`;
}

/** Any value of JSON as one line. */
export function text(value) {
  if (value === null || value === undefined) return "–";
  if (isNumber(value)) return number(value);
  return typeof value === "object" ? write(value) : String(value);
}
