/**
 * Operations on vectors. A matrix is a Float32Array, row after row. Sums are
 * computed in float64, and each result is rounded once.
 */

/**
 * A projection x W + b.
 * @param {{shape: number[], values: Float32Array}} kernel W, (D, F).
 * @param {Float32Array|null} bias b, (F), or null.
 * @returns {{inputSize: number, outputSize: number, weights: Float32Array,
 *   bias: Float32Array|null}} a layer for `linear`, with W transposed.
 */
export function makeLinear(kernel, bias) {
  const [inputSize, outputSize] = kernel.shape;
  const weights = new Float32Array(inputSize * outputSize);
  for (let i = 0; i < inputSize; i++) {
    for (let o = 0; o < outputSize; o++) {
      weights[o * inputSize + i] = kernel.values[i * outputSize + o];
    }
  }
  return { inputSize, outputSize, weights, bias };
}

/**
 * Applies a projection to each row.
 * @param {Float32Array} inputs (rows, D).
 * @param {object} layer the result of `makeLinear`.
 * @returns {Float32Array} (rows, F).
 */
export function linear(inputs, layer) {
  const rows = inputs.length / layer.inputSize;
  const outputs = new Float32Array(rows * layer.outputSize);
  let row = 0;
  for (; row + 4 <= rows; row += 4) fourRows(inputs, layer, row, outputs);
  for (; row < rows; row++) oneRow(inputs, layer, row, outputs);
  return outputs;
}

// Four rows share each read of two weights. Reading takes most of the time.
function fourRows(inputs, layer, row, outputs) {
  const { inputSize: size, outputSize, weights } = layer;
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => (row + i) * size);
  for (let o = 0; o < outputSize; o += 2) {
    // If the number of outputs is odd, the last one is computed twice.
    const other = Math.min(o + 1, outputSize - 1);
    const first = o * size;
    const second = other * size;
    let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0];
    let [sumE, sumF, sumG, sumH] = [0, 0, 0, 0];
    for (let i = 0; i < size; i++) {
      const one = weights[first + i];
      const two = weights[second + i];
      const inputA = inputs[a + i];
      const inputB = inputs[b + i];
      const inputC = inputs[c + i];
      const inputD = inputs[d + i];
      sumA += inputA * one;
      sumB += inputB * one;
      sumC += inputC * one;
      sumD += inputD * one;
      sumE += inputA * two;
      sumF += inputB * two;
      sumG += inputC * two;
      sumH += inputD * two;
    }
    write(layer, outputs, row, o, [sumA, sumB, sumC, sumD]);
    write(layer, outputs, row, other, [sumE, sumF, sumG, sumH]);
  }
}

function write({ outputSize, bias }, outputs, row, column, sums) {
  const added = bias ? bias[column] : 0;
  sums.forEach((sum, i) => {
    outputs[(row + i) * outputSize + column] = sum + added;
  });
}

function oneRow(inputs, layer, row, outputs) {
  const { inputSize: size, outputSize, weights, bias } = layer;
  const first = row * size;
  for (let o = 0; o < outputSize; o++) {
    const start = o * size;
    let sum = bias ? bias[o] : 0;
    for (let i = 0; i < size; i++)
      sum += inputs[first + i] * weights[start + i];
    outputs[row * outputSize + o] = sum;
  }
}

/**
 * Adds two arrays of one size.
 * @param {Float32Array} first
 * @param {Float32Array} second
 * @returns {Float32Array}
 */
export function add(first, second) {
  const sums = new Float32Array(first.length);
  for (let i = 0; i < sums.length; i++) sums[i] = first[i] + second[i];
  return sums;
}

/**
 * The softmax of the first numbers of a row; the others get 0.
 * @param {Float32Array} logits
 * @param {number} count how many numbers the softmax is over, at least 1.
 * @returns {Float32Array} of the size of `logits`.
 */
export function softmax(logits, count) {
  let largest = -Infinity;
  for (let i = 0; i < count; i++) largest = Math.max(largest, logits[i]);
  const powers = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    powers[i] = Math.exp(logits[i] - largest);
    sum += powers[i];
  }
  const weights = new Float32Array(logits.length);
  for (let i = 0; i < count; i++) weights[i] = powers[i] / sum;
  return weights;
}

/**
 * The logarithm of the sum of exponentials; NaN if a logit is NaN.
 * @param {Float32Array} logits
 * @returns {number}
 */
export function logNormalizer(logits) {
  let largest = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    if (!(logits[i] <= largest)) largest = logits[i];
  }
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - largest);
  return largest + Math.log(sum);
}

/**
 * Normalizes each row: layer normalization or RMS normalization.
 * @param {Float32Array} inputs (rows, D).
 * @param {{kind: string, epsilon: number, size: number,
 *   gamma: Float32Array|null, beta: Float32Array|null}} norm
 * @returns {Float32Array} (rows, D).
 */
export function normalize(inputs, norm) {
  const { size, gamma, beta } = norm;
  const outputs = new Float32Array(inputs.length);
  for (let first = 0; first < inputs.length; first += size) {
    let mean = 0;
    if (norm.kind === "layer") {
      for (let i = 0; i < size; i++) mean += inputs[first + i];
      mean /= size;
    }
    let variance = 0;
    for (let i = 0; i < size; i++) variance += (inputs[first + i] - mean) ** 2;
    const factor = 1 / Math.sqrt(variance / size + norm.epsilon);
    for (let i = 0; i < size; i++) {
      const normal = (inputs[first + i] - mean) * factor;
      const scaled = gamma ? normal * gamma[i] : normal;
      outputs[first + i] = beta ? scaled + beta[i] : scaled;
    }
  }
  return outputs;
}
