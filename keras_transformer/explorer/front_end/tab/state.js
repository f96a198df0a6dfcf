// The state of the tab: what is shown of which runs, steps and sentence.

/** The state of a tab that was just opened. */
export const INITIAL = {
  tag: null,
  // What is shown: a run, and a step of training; null is the last one.
  sides: [{ run: null, step: null }],
  units: "pieces",
  attention: "encoder",
  layer: 0,
  heads: [],
  head: 0,
  cell: [],
  from: null,
  to: null,
  step: 0,
  stepLayer: 0,
  stepHead: -1,
  temperature: 1,
  topK: 0,
  topP: 1,
};

/** All tags of all runs with their sentences, in the order of the tags. */
export function sentencesOf(runs) {
  const texts = new Map();
  for (const tags of Object.values(runs)) {
    for (const [tag, { text }] of Object.entries(tags)) {
      if (!texts.has(tag)) texts.set(tag, text);
    }
  }
  const order = new Intl.Collator("en", { numeric: true }).compare;
  return [...texts].sort(([a], [b]) => order(a, b));
}

/** The runs that have traces of a sentence. */
export function runsWith(runs, tag) {
  return Object.keys(runs)
    .filter((run) => Object.hasOwn(runs[run], tag))
    .sort();
}

/** The state with choices that exist in these runs. */
export function existing(state, runs) {
  const tags = sentencesOf(runs).map(([tag]) => tag);
  const tag = tags.includes(state.tag) ? state.tag : (tags[0] ?? null);
  const names = tag === null ? [] : runsWith(runs, tag);
  const sides = state.sides.map(({ run, step }) => {
    if (names.includes(run)) return { run, step };
    // A step is that of a run that was chosen, or of the first one.
    return { run: names[0] ?? null, step: run === null ? step : null };
  });
  return { ...state, tag, sides };
}

/** The index of the last step that is not after a step; null is the last. */
export function indexOfStep(steps, step) {
  if (step === null) return steps.length - 1;
  return Math.max(0, steps.filter((each) => each <= step).length - 1);
}

/** The state after a change; a side's run or step is `{side: 0, ...}`. */
export function changed(state, change) {
  if (!("side" in change)) {
    const cell = "attention" in change || "tag" in change ? [] : state.cell;
    const words = "tag" in change ? { from: null, to: null } : {};
    return { ...state, cell, ...words, ...change };
  }
  const { side: index, ...rest } = change;
  const sides = state.sides.map((side, each) =>
    each === index ? { ...side, ...rest } : side,
  );
  return { ...state, sides };
}
