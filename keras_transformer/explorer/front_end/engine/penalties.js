/** Penalties that turn log-probabilities into the scores of hypotheses. */

/** The names of length penalties; Python's `length_divisor` explains them. */
export const LENGTH_PENALTIES = ["gnmt", "average", "none"];
// A smaller coverage is replaced by this value.
const LEAST_COVERAGE = Math.fround(1e-9);

/**
 * The divisor of the log-probability of a hypothesis.
 * @param {number} length tokens, the end included.
 * @param {{alpha: number, penalty: string}} settings
 * @returns {number} a float32.
 */
export function lengthDivisor(length, { alpha, penalty }) {
  if (penalty === "none") return 1;
  const base = penalty === "average" ? length : Math.fround((5 + length) / 6);
  return Math.fround(base ** Math.fround(alpha));
}

/**
 * A negative score for source tokens that got little attention.
 * @param {Float32Array} covered the attention to each source token, (S), the
 *   sum over the target.
 * @param {number} beta the weight of the penalty.
 * @returns {number}
 */
export function coveragePenalty(covered, beta) {
  let sum = 0;
  for (const total of covered) {
    sum += Math.log(Math.min(Math.max(total, LEAST_COVERAGE), 1));
  }
  return beta * sum;
}
