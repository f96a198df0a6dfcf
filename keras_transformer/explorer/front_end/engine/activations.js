/** The activations of feed-forward networks, by the names of Keras. */

/**
 * @type {Object<string, function(number): number>}
 */
export const ACTIVATIONS = {
  linear: (x) => x,
  relu: (x) => Math.max(x, 0),
  silu: (x) => x / (1 + Math.exp(-x)),
  // The exact form, x times the normal distribution function.
  gelu: (x) => 0.5 * x * (1 + errorFunction(x / Math.SQRT2)),
};

/**
 * Applies an activation to each number, in place.
 * @param {Float32Array} values
 * @param {string} name a key of `ACTIVATIONS`.
 * @returns {Float32Array} the same array.
 */
export function activate(values, name) {
  const activation = ACTIVATIONS[name];
  for (let i = 0; i < values.length; i++) values[i] = activation(values[i]);
  return values;
}

/**
 * erf(x), as a sum of positive terms, so that nothing cancels out.
 * @param {number} x
 * @returns {number}
 */
export function errorFunction(x) {
  if (Math.abs(x) > 6) return Math.sign(x); // It differs by 2e-17.
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
