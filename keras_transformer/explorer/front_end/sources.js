// Where traces come from: the model in the page, or recorded traces.

import { decodeTrace } from "./trace.js";

const MOST_KEPT = 12;

/**
 * A source of traces.
 * @param {object} page the page's data: texts, targets, traces
 * @param {object|null} engine the model in the page
 * @returns {{isLive, texts, trace}} `trace(request)` gives {trace} or {error}
 */
export function createSource(page, engine) {
  const recorded = page.traces.map(decodeTrace);
  const kept = new Map();

  function make({ text, search, prefixIds, offHeads }) {
    if (!engine) {
      const trace = recorded.find((each) => each.source.text === text);
      if (trace) return { trace };
      return { error: "This page has no recorded trace of this sentence." };
    }
    const index = page.texts.indexOf(text);
    const isPlain = prefixIds.length + offHeads.length === 0;
    const target = (isPlain && page.targets?.[index]) || null;
    try {
      const options = { search, target, prefixIds, offHeads, candidates: 1000 };
      const trace = engine.trace(text, options);
      return { trace: withRecorded(trace, recorded) };
    } catch (error) {
      return { error: error.message };
    }
  }

  return {
    isLive: engine !== null,
    texts: engine ? page.texts : recorded.map((each) => each.source.text),
    trace(request) {
      const key = JSON.stringify(request);
      const result = kept.get(key) ?? make(request);
      // Those used last are at the end; the first is forgotten.
      kept.delete(key);
      kept.set(key, result);
      if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
      return result;
    },
  };
}

/** Adds attribution, which the model in the page does not compute. */
function withRecorded(trace, recorded) {
  const same = recorded.find(
    (each) =>
      each.attribution &&
      String(each.source.ids) === String(trace.source.ids) &&
      String(each.target.ids) === String(trace.target.ids),
  );
  return same ? { ...trace, attribution: same.attribution } : trace;
}
