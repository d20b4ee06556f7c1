// Which colour is whose. The experts of the speed layer share what is left when there are several.

const OF_PART = { batch: "var(--batch)", speed: "var(--speed)", blend: "var(--both)" };
const OTHERS = ["var(--speed)", "var(--third)", "var(--fourth)", "var(--fifth)"];

/** The colour of an expert among all experts, or of the blend. */
export function colourOf(expert, experts) {
  if (OF_PART[expert]) return OF_PART[expert];
  const others = experts.filter((name) => !OF_PART[name]);
  return OTHERS[others.indexOf(expert) % OTHERS.length];
}

const STAGES = ["mark", "archive", "fold", "merge", "replay", "train", "publish", "trim"];
const OF_STAGE = ["--muted", "--fourth", "--batch", "--third", "--speed", "--both", "--fifth", "--muted"];

/** The colour of a stage of a batch run. */
export const colourOfStage = (name) => `var(${OF_STAGE[STAGES.indexOf(name)] ?? "--muted"})`;
