// Icons of our own: a few strokes each, in the colour of the text beside them.

import { s } from "./dom.js";

const PATHS = {
  overview: "M3 13h5l2-7 4 13 2-6h5",
  models: "M12 3v3M12 18v3M5 12H3M21 12h-2M8 12a4 4 0 1 0 8 0a4 4 0 1 0-8 0M6 6l1.6 1.6M16.4 16.4 18 18M18 6l-1.6 1.6M7.6 16.4 6 18",
  views: "M4 20V11M10 20V4M16 20v-7M21 20H3",
  batch: "M3 6h9M7 12h10M13 18h8",
  log: "M4 6h.01M8 6h12M4 12h.01M8 12h12M4 18h.01M8 18h8",
  sql: "M12 8c4.4 0 8-1.1 8-2.5S16.4 3 12 3 4 4.1 4 5.500 7.600 8 12 8M4 5.500v13C4 19.900 7.600 21 12 21s8-1.100 8-2.500v-13M4 12c0 1.400 3.600 2.500 8 2.500s8-1.100 8-2.500",
  docs: "M8 4 3 12l5 8M16 4l5 8-5 8",
  theme: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
};

/** An icon by its name. */
export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: PATHS[name] }));
}
