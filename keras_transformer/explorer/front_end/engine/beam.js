/**
 * Beam search with separate sets of live and finished hypotheses, as
 * `keras_transformer.search.BeamSearch`. Sums and scores are rounded to
 * float32 as there, so that equal scores are equal here too.
 */

import { NEVER, nextCandidates } from "./candidates.js";
import { coveragePenalty, lengthDivisor } from "./penalties.js";

/**
 * Searches for translations.
 * @param {{start: object[], step: function}} stepper see `makeStepper`.
 * @param {object} task see `makeTask`.
 * @param {object} settings `beam_size`, `top_beams`, `alpha`, `penalty`,
 *   `coverage`.
 * @returns {object} a search record of the trace. Its `hypotheses` also have
 *   `logProbs`, of each token.
 */
export function beamSearch({ start, step }, task, settings) {
  const beam = new Beam(task, settings, start);
  const steps = [];
  for (let position = 0; position < task.maxLength; position++) {
    const outputs = step(
      beam.live.map(({ ids }) => (position ? ids[position - 1] : task.startId)),
      position,
      beam.live.map(({ state }) => state),
    );
    const isDecided = beam.advance(outputs, position);
    steps.push(beam.record());
    if (isDecided) break;
  }
  const { beam_size, top_beams, alpha, penalty, coverage } = settings;
  return {
    kind: "beam",
    settings: { beam_size, top_beams, alpha, penalty, coverage },
    steps,
    hypotheses: beam.result().map((each) => ({
      ...recordOf(each, null),
      logProbs: each.logProbs,
    })),
  };
}

class Beam {
  constructor(task, settings, start) {
    this.task = task;
    this.settings = settings;
    // `sum` is the float32 sum of log-probabilities, `total` that of float64.
    this.live = [
      {
        ids: [],
        logProbs: [],
        sum: 0,
        total: 0,
        score: 0,
        state: start,
        covered: null,
      },
    ];
    this.finished = [];
    this.candidates = [];
  }

  /**
   * Extends the live hypotheses by one token.
   * @returns {boolean} whether nothing can change the result any more.
   */
  advance(outputs, position) {
    const width = this.settings.beam_size;
    this.candidates = this.extended(outputs);
    // All tokens are forbidden: the live hypotheses remain as they are.
    const isStuck = this.candidates.length === 0;
    const hasEnded = ({ ids }) => ids[position] === this.task.endId;
    const ended = this.candidates.filter(hasEnded);
    this.finished = best([...this.finished, ...ended], "score", width);
    if (!isStuck) {
      const others = this.candidates.filter((each) => !hasEnded(each));
      this.live = others.slice(0, width);
    }
    return isStuck || position + 1 >= this.task.maxLength || this.isSafe();
  }

  // Returns the 2 W best extensions of the live hypotheses, best first.
  extended({ logits, states, attention }) {
    const count = 2 * this.settings.beam_size;
    const all = this.live.flatMap((hypothesis, parent) =>
      nextCandidates(logits[parent], count, hypothesis.ids, this.task).map(
        ({ id, logProbability }) => ({
          ids: [...hypothesis.ids, id],
          logProbs: [...hypothesis.logProbs, logProbability],
          sum: Math.fround(hypothesis.sum + logProbability),
          total: hypothesis.total + logProbability,
          state: states[parent],
          parent,
        }),
      ),
    );
    const possible = all.filter(({ sum }) => sum > NEVER / 2);
    return best(possible, "sum", count).map((candidate) => {
      const { parent } = candidate;
      const before = this.live[parent].covered;
      const covered = attention[parent].map((x, s) =>
        before ? before[s] + x : x,
      );
      const score = this.score({ ...candidate, covered });
      return { ...candidate, covered, score };
    });
  }

  score({ sum, ids, covered }) {
    const { coverage } = this.settings;
    const divided = this.divided(sum, ids.length);
    if (!coverage) return divided;
    return Math.fround(divided + coveragePenalty(covered, coverage));
  }

  divided(sum, length) {
    return Math.fround(sum / lengthDivisor(Math.max(length, 1), this.settings));
  }

  // A log-probability only falls with further tokens, and the divisor is
  // largest at the limit. So no live hypothesis can end above this bound.
  isSafe() {
    if (this.live.length === 0) return true;
    const bound = this.divided(this.live[0].sum, this.task.maxLength);
    const last = this.finished[this.settings.top_beams - 1];
    return last !== undefined && last.score >= bound;
  }

  // Live hypotheses come after all finished ones.
  result() {
    const { beam_size: width, top_beams: count } = this.settings;
    const live = best(this.live, "score", width);
    return [...this.finished, ...live].slice(0, count);
  }

  record() {
    const isNew = new Set(this.candidates);
    const withParents = (list) =>
      list.map((each) => recordOf(each, isNew.has(each) ? each.parent : null));
    const kept = new Set([...this.live, ...this.finished]);
    const dropped = this.candidates.filter((each) => !kept.has(each));
    return {
      live: withParents(this.live),
      finished: withParents(this.finished),
      dropped: withParents(dropped),
    };
  }
}

// Of equal numbers the first stays first: JavaScript's sort is stable.
function best(hypotheses, key, count) {
  const sorted = [...hypotheses].sort((a, b) => b[key] - a[key]);
  return sorted.slice(0, count);
}

function recordOf({ ids, total, score }, parent) {
  return { ids, log_probability: total, score, parent };
}
