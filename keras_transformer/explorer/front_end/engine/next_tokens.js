/** The most probable next tokens of a step. */

import { largest } from "./largest.js";
import { logNormalizer } from "./operations.js";

/**
 * Returns the most probable tokens of each step, best first.
 * @param {Float32Array[]} logits T rows of V numbers.
 * @param {object} tokenizer the `Tokenizer` of translations.
 * @param {number} count C.
 * @returns {object[]} T candidates of the trace.
 */
export function candidatesOf(logits, tokenizer, count) {
  return logits.map((row) => {
    const ids = largest(row, count);
    return {
      log_normalizer: logNormalizer(row),
      ids,
      tokens: tokenizer.piecesOf(ids),
      logits: ids.map((id) => row[id]),
    };
  });
}

/**
 * Returns the log-probability of a chosen token at each step.
 * @param {Float32Array[]} logits T rows of V numbers.
 * @param {number[]} ids T tokens.
 * @returns {number[]}
 */
export function logProbsOf(logits, ids) {
  return logits.map((row, t) => {
    const normalizer = Math.fround(logNormalizer(row));
    return Math.fround(row[ids[t]] - normalizer);
  });
}
