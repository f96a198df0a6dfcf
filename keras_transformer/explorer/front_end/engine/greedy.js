/** Greedy search: the most probable token at every step. */

import { nextCandidates } from "./candidates.js";

/**
 * Searches for a translation.
 * @param {{start: object[], step: function}} stepper see `makeStepper`.
 * @param {object} task see `makeTask`.
 * @returns {object} a search record of the trace. Its hypothesis also has
 *   `logProbs`, of each token.
 */
export function greedySearch({ start, step }, task) {
  const steps = [];
  let ids = [];
  const logProbs = [];
  let total = 0;
  let score = 0;
  let states = [start];
  let last = task.startId;
  while (ids.length < task.maxLength && (ids.length === 0 || !isEnd())) {
    const outputs = step([last], ids.length, states);
    const [best] = nextCandidates(outputs.logits[0], 1, ids, task);
    if (!best) break; // All tokens are forbidden.
    last = best.id;
    states = outputs.states;
    ids = [...ids, last];
    logProbs.push(best.logProbability);
    total += best.logProbability;
    score = Math.fround(score + best.logProbability);
    const now = [{ ids, log_probability: total, score: total, parent: 0 }];
    steps.push(
      isEnd()
        ? { live: [], finished: now, dropped: [] }
        : { live: now, finished: [], dropped: [] },
    );
  }
  const result = {
    ids,
    log_probability: total,
    score,
    parent: null,
    logProbs,
  };
  return { kind: "greedy", settings: {}, steps, hypotheses: [result] };

  function isEnd() {
    return last === task.endId;
  }
}
