/**
 * The next tokens that a search may choose. Constraints choose among the
 * model's tokens and never change their log-probabilities.
 */

import { largest } from "./largest.js";
import { logNormalizer } from "./operations.js";

/** A model forbids a token by a logit of about this number. */
export const NEVER = -1e9;

/**
 * Finds the best allowed next tokens of a hypothesis, best first.
 * @param {Float32Array} logits (V), of the next token.
 * @param {number} count how many, if so many are allowed.
 * @param {number[]} ids the tokens of the hypothesis.
 * @param {object} task see `task.js`.
 * @returns {{id: number, logProbability: number}[]}
 */
export function nextCandidates(logits, count, ids, task) {
  const normalizer = Math.fround(logNormalizer(logits));
  if (!Number.isFinite(normalizer)) {
    throw new Error(
      "The model's output is not a number (NaN). Its weights are NaN or too " +
        "large.",
    );
  }
  const position = ids.length;
  const candidate = (id) => ({
    id,
    logProbability: Math.fround(logits[id] - normalizer),
  });
  if (position < task.prefix.length) return [candidate(task.prefix[position])];
  const repeated = repeatingTokens(ids, task.noRepeatSize);
  const isTooShort = position + 1 < task.minLength;
  const isAllowed = (id) =>
    !task.banned.has(id) &&
    !repeated.has(id) &&
    !(id === task.endId && isTooShort);
  // Forbidden tokens may be among the best, and `count` others must be left.
  const forbidden = task.banned.size + repeated.size + 1;
  return largest(logits, count + forbidden)
    .filter(isAllowed)
    .slice(0, count)
    .map(candidate)
    .filter(({ logProbability }) => logProbability >= NEVER / 2);
}

// Returns the tokens that would complete a sequence of `size` tokens twice.
function repeatingTokens(ids, size) {
  const tokens = new Set();
  if (size === 0) return tokens;
  const last = ids.slice(ids.length - (size - 1));
  for (let end = size - 1; end < ids.length; end++) {
    const start = end - (size - 1);
    if (last.every((id, i) => id === ids[start + i])) tokens.add(ids[end]);
  }
  return tokens;
}
