// An engine for tests of the page: it answers with prepared traces and keeps what
// it was asked. `data` is {search, traces, forced, without}, all traces as JSON.

import { decodeTrace } from "../trace.js";

export function createEngine(data) {
  const traces = data.traces.map(decodeTrace);
  const forced = decodeTrace(data.forced);
  const without = decodeTrace(data.without);
  globalThis.requests = [];
  return {
    model: traces[0].model,
    search: data.search,
    trace(text, options) {
      globalThis.requests.push({ text, ...options });
      if (text.trim() === "") throw new Error("The text is empty.");
      const known = traces.find((each) => each.source.text === text);
      const trace = options.offHeads.length
        ? without
        : options.prefixIds.length
          ? forced
          : (known ?? traces[0]);
      return { ...trace, source: { ...trace.source, text } };
    },
  };
}
