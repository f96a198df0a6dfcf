// What the tab asks the plugin for: runs, the steps of a sentence, traces.

import { decodeTrace } from "../trace.js";

const MOST_KEPT = 60;

/**
 * The server of the tab's data.
 * @param {string} base the address of this folder on the server
 * @returns {{runs, steps, trace}} functions that return promises; an error's
 *   message is for the reader. `runs()` gives {runs, notes}: the sentences of each
 *   run, and what is to be said of a run
 */
export function createServer(base) {
  const kept = new Map();

  async function ask(path, query = {}) {
    const url = new URL(`../${path}`, base);
    url.search = new URLSearchParams(query).toString();
    const answer = await fetch(url).catch(() => {
      throw new Error("TensorBoard does not answer. Is it still running?");
    });
    const json = await answer.json().catch(() => {
      throw new Error(`TensorBoard answers with the code ${answer.status}.`);
    });
    if (json.problem) throw new Error(json.problem);
    return json;
  }

  return {
    runs: async () => ask("runs"),
    steps: async (run, tag) => (await ask("steps", { run, tag })).steps,
    /** `written` tells traces apart that a run wrote anew. */
    trace(run, tag, step, written) {
      const key = JSON.stringify([run, tag, step, written]);
      if (!kept.has(key)) {
        const traced = ask("trace", { run, tag, step }).then(decodeTrace);
        traced.catch(() => kept.delete(key));
        kept.set(key, traced);
        if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
      }
      return kept.get(key);
    },
  };
}
