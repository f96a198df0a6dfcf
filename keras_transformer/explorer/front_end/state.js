// The state of the page, and its form in the address.
//
// The address ends with `#section?name=value&...`. It has what differs from the
// page's first view, so that a link to the file shows the same view.

/** Names of the state, each with its type in the address. */
const TYPES = {
  text: "string",
  text2: "string",
  shown: "integer",
  units: "string",
  open: "strings",
  side: "string",
  attention: "string",
  layer: "integer",
  heads: "integers",
  head: "integer",
  cell: "integers",
  step: "integer",
  stepLayer: "integer",
  stepHead: "integer",
  temperature: "number",
  topK: "integer",
  topP: "number",
  prefix: "integers",
  kind: "string",
  beam_size: "integer",
  top_beams: "integer",
  alpha: "number",
  penalty: "string",
  coverage: "number",
  dropped: "integer",
  hypothesis: "integer",
  source: "integer",
  off: "strings",
  theme: "string",
};
const SEPARATOR = ",";

/**
 * The state of a page that was just opened.
 * @param {string[]} texts the sentences to open with
 * @param {object} search the default search: kind, beam_size, ...
 */
export function initialState(texts, search) {
  return {
    section: "",
    text: texts[0] ?? "",
    text2: texts[1] ?? "",
    shown: 0,
    units: "pieces",
    open: [],
    side: "source",
    attention: "encoder",
    layer: 0,
    heads: [],
    head: 0,
    cell: [],
    step: 0,
    stepLayer: 0,
    stepHead: -1,
    temperature: 1,
    topK: 0,
    topP: 1,
    prefix: [],
    kind: "beam",
    beam_size: 4,
    top_beams: 1,
    alpha: 0.6,
    penalty: "gnmt",
    coverage: 0,
    ...search,
    dropped: 1,
    hypothesis: 0,
    source: 0,
    off: [],
    theme: "auto",
  };
}

/** The state as the end of an address, without the `#`. */
export function toHash(state, initial) {
  const query = new URLSearchParams();
  for (const name of Object.keys(TYPES)) {
    const value = String(state[name]);
    if (value !== String(initial[name])) query.set(name, value);
  }
  const text = query.toString();
  return text ? `${state.section}?${text}` : state.section;
}

/** The state of an address. What cannot be read is as in the first view. */
export function fromHash(hash, initial) {
  const [section, ...rest] = hash.replace(/^#/, "").split("?");
  const query = new URLSearchParams(rest.join("?"));
  const state = { ...initial, section };
  for (const [name, text] of query) {
    const value = Object.hasOwn(TYPES, name)
      ? readValue(TYPES[name], text)
      : undefined;
    if (value !== undefined) state[name] = value;
  }
  return state;
}

function readValue(type, text) {
  if (type === "string") return text;
  const items = text === "" ? [] : text.split(SEPARATOR);
  if (type === "strings") return items;
  const numbers = items.map(Number);
  const isRead =
    type === "number"
      ? numbers.every(Number.isFinite)
      : numbers.every(Number.isInteger);
  if (!isRead) return undefined;
  if (type === "integers") return numbers;
  return numbers.length === 1 ? numbers[0] : undefined;
}

/** The settings of the search, as the engine takes them. */
export function searchOf(state) {
  if (state.kind === "greedy") return { kind: "greedy" };
  const { beam_size, top_beams, alpha, penalty, coverage } = state;
  return { kind: "beam", beam_size, top_beams, alpha, penalty, coverage };
}

/** The state after a change, with what no longer holds set back. */
export function changed(state, change) {
  const next = { ...state, ...change };
  const has = (...names) => names.some((name) => next[name] !== state[name]);
  if (has("text", "text2", "shown") && !("prefix" in change)) {
    next.prefix = initialList(next.prefix);
  }
  // The best translation of another sentence.
  if (has("text", "text2", "shown") && !("hypothesis" in change))
    next.hypothesis = 0;
  if (has("text", "text2", "attention") && !("cell" in change))
    next.cell = initialList(next.cell);
  if (next.top_beams > next.beam_size) {
    // The one that was moved stays; the other follows.
    if (has("beam_size")) next.top_beams = next.beam_size;
    else next.beam_size = next.top_beams;
  }
  return next;
}

function initialList(list) {
  return list.length ? [] : list;
}
