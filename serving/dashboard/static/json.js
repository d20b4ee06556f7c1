// JSON in which whole numbers stay as they are: JSON.parse rounds what is beyond 2^53, as ids and keys often are.

const BEYOND = /\d{16}/;
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MARK = "\u0001whole:"; // no answer has it in a text: control characters are escaped there
const MARKED = /"\\u0001whole:(-?\d+)"/g;

/** A whole number that a double cannot hold. It counts as the nearest double and is shown and sent digit by digit. */
export class Whole extends Number {
  constructor(digits) {
    super(digits);
    this.digits = digits;
  }

  toString() {
    return this.digits;
  }

  toJSON() {
    return MARK + this.digits;
  }
}

/** A number from its digits: a `Whole` where a double would be another one. */
export function numberOf(digits) {
  const value = Number(digits);
  return /^-?\d+$/.test(digits) && !Number.isSafeInteger(value) ? new Whole(digits) : value;
}

export const isNumber = (value) => typeof value === "number" || value instanceof Whole;

/** The value of a JSON text. */
export function read(text) {
  if (!BEYOND.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKENS, (token) => (numberOf(token) instanceof Whole ? `"\\u0001whole:${token}"` : token));
  return JSON.parse(marked, (_, value) => (typeof value === "string" && value.startsWith(MARK) ? new Whole(value.slice(MARK.length)) : value));
}

/** A value as JSON text. */
export const write = (value) => JSON.stringify(value)?.replace(MARKED, "$1");
