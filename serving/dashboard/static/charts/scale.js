// Scales and ticks.

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200].map((n) => n * SECOND);
STEPS.push(...[1, 2, 7, 14, 28, 91, 182, 365].map((n) => n * DAY));

/** A function from [low, high) to [from, to). */
export function linear(low, high, from, to) {
  const width = high - low || 1;
  return (value) => from + ((value - low) / width) * (to - from);
}

/** Round numbers that cover [low, high], about `wanted` of them. */
export function ticks(low, high, wanted) {
  const raw = (high - low || Math.abs(high) || 1) / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= raw * 0.999);
  const found = [];
  for (let at = Math.floor(low / step); at * step < high + step * 0.999; at++) found.push(Number((at * step).toPrecision(12)));
  return { step, at: found };
}

/** Round moments within [low, high] (milliseconds), at most `most` of them. */
export function timeTicks(low, high, most) {
  const step = STEPS.find((n) => (high - low) / n <= most) ?? Math.ceil((high - low) / most / (365 * DAY)) * 365 * DAY;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) found.push(at);
  return { step, at: found };
}

/** The y of a broken line at x, given ascending points. */
export function interpolate(points, x) {
  const after = points.findIndex(([at]) => at >= x);
  if (after === 0) return points[0][1];
  if (after < 0) return points.at(-1)?.[1];
  const [[x0, y0], [x1, y1]] = [points[after - 1], points[after]];
  return y0 + ((x - x0) / (x1 - x0 || 1)) * (y1 - y0);
}
