/**
 * Multi-head attention: H query heads, N key-value heads of K numbers each.
 * The heads of one position stand side by side, (H K) or (N K) numbers.
 */

import { linear, softmax } from "./operations.js";
import { rotate } from "./positions.js";

/**
 * Projects vectors to queries.
 * @param {object} layer an attention of `layers.js`.
 * @param {Float32Array} inputs (rows, D).
 * @param {function(number): number} positionOf the position of each row.
 * @returns {Float32Array[]} the heads (H K) of each row.
 */
export function projectQueries(layer, inputs, positionOf) {
  return projectHeads(layer, layer.query, inputs, positionOf);
}

/**
 * Projects vectors to keys and values.
 * @param {object} layer an attention of `layers.js`.
 * @param {Float32Array} memory (rows, D).
 * @param {function(number): number} positionOf the position of each row.
 * @returns {{keys: Float32Array[], values: Float32Array[]}} the heads (N K)
 *   of each row.
 */
export function projectMemory(layer, memory, positionOf) {
  return {
    keys: projectHeads(layer, layer.key, memory, positionOf),
    values: rowsOf(linear(memory, layer.value), layer.value.outputSize),
  };
}

function projectHeads(layer, projection, inputs, positionOf) {
  const size = projection.outputSize;
  const heads = rowsOf(linear(inputs, projection), size);
  if (layer.rotary) {
    for (const [row, each] of heads.entries()) {
      rotate(each, layer.headDim, positionOf(row), layer.rotary);
    }
  }
  return heads;
}

/**
 * Splits a matrix into its rows.
 * @param {Float32Array} values (rows, size).
 * @param {number} size
 * @returns {Float32Array[]} views of the same numbers.
 */
export function rowsOf(values, size) {
  const rows = [];
  for (let i = 0; i < values.length; i += size) {
    rows.push(values.subarray(i, i + size));
  }
  return rows;
}

/**
 * Joins rows of one size to a matrix.
 * @param {Float32Array[]} rows
 * @returns {Float32Array}
 */
export function joinRows(rows) {
  const size = rows.length ? rows[0].length : 0;
  const values = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) values.set(row, i * size);
  return values;
}

/**
 * Lets one query attend to keys and values (equation 1 of the paper).
 * @param {object} layer an attention of `layers.js`.
 * @param {Float32Array} query (H K).
 * @param {{keys: Float32Array[], values: Float32Array[]}} past S rows each.
 * @param {object} options `position` of the query; `allowed`, how many of the
 *   first keys it may attend to; `off`, a Set of heads that are switched off.
 * @returns {{logits: Float32Array[], weights: Float32Array[],
 *   attended: Float32Array}} H rows of S numbers, and (H K).
 */
export function attend(layer, query, past, { position, allowed, off }) {
  const { numHeads, headDim } = layer;
  const sharing = numHeads / layer.numKeyValueHeads;
  const logits = [];
  const weights = [];
  const attended = new Float32Array(query.length);
  for (let h = 0; h < numHeads; h++) {
    const own = query.subarray(h * headDim, (h + 1) * headDim);
    const shared = Math.floor(h / sharing) * headDim;
    logits.push(logitsOfHead(layer, own, past.keys, shared, position));
    weights.push(softmax(logits[h], allowed));
    if (!off.has(h)) {
      attended.set(
        sumOfValues(layer, weights[h], past.values, shared, position, allowed),
        h * headDim,
      );
    }
  }
  return { logits, weights, attended };
}

function logitsOfHead(layer, query, keys, shared, position) {
  const size = query.length;
  const logits = new Float32Array(keys.length);
  for (let s = 0; s < keys.length; s++) {
    const key = keys[s];
    let sum = 0;
    for (let i = 0; i < size; i++) sum += query[i] * key[shared + i];
    if (layer.relative) {
      const start = startOfDistance(layer.relative, s - position, size);
      const vectors = layer.relative.keys;
      for (let i = 0; i < size; i++) sum += query[i] * vectors[start + i];
    }
    logits[s] = sum / Math.sqrt(size);
  }
  return logits;
}

function sumOfValues(layer, weights, values, shared, position, allowed) {
  const size = layer.headDim;
  const sums = new Float64Array(size);
  for (let s = 0; s < allowed; s++) {
    const weight = weights[s];
    for (let i = 0; i < size; i++) sums[i] += weight * values[s][shared + i];
    if (layer.relative) {
      const start = startOfDistance(layer.relative, s - position, size);
      const vectors = layer.relative.values;
      for (let i = 0; i < size; i++) sums[i] += weight * vectors[start + i];
    }
  }
  return sums;
}

// Where the vector of a distance begins; far keys share that of the limit.
function startOfDistance({ maxDistance }, distance, size) {
  const clipped = Math.max(-maxDistance, Math.min(maxDistance, distance));
  return (clipped + maxDistance) * size;
}

/**
 * Lets a whole sequence attend, and keeps every number.
 * @param {object} layer an attention of `layers.js`.
 * @param {Float32Array} inputs (T, D).
 * @param {Float32Array} memory (S, D).
 * @param {object} context `isCausal`; `off`, a Map from names of attentions to
 *   Sets of heads; `keep`, a function of name, shape and values.
 * @returns {Float32Array} (T, D).
 */
export function attendAll(layer, inputs, memory, { isCausal, off, keep }) {
  const { name, numHeads, headDim, numKeyValueHeads } = layer;
  const queries = projectQueries(layer, inputs, (row) => row);
  const past = projectMemory(layer, memory, (row) => row);
  const length = queries.length;
  const results = queries.map((query, t) =>
    attend(layer, query, past, {
      position: t,
      allowed: isCausal ? t + 1 : past.keys.length,
      off: off.get(name) ?? NO_HEADS,
    }),
  );
  const attended = results.map((result) => result.attended);
  const outputs = linear(joinRows(attended), layer.output);
  const keepHeads = (kind, rows, heads) =>
    keep(
      `${name}/${kind}`,
      [heads, rows.length, headDim],
      headsFirst(rows, heads, headDim),
    );
  const keepScores = (kind) =>
    keep(
      `${name}/${kind}`,
      [numHeads, length, past.keys.length],
      scoresOf(results, kind, numHeads),
    );
  keep(`${name}/inputs`, [length, inputs.length / length], inputs);
  keepHeads("query", queries, numHeads);
  keepHeads("key", past.keys, numKeyValueHeads);
  keepHeads("value", past.values, numKeyValueHeads);
  keepScores("logits");
  keepScores("weights");
  keepHeads("attended", attended, numHeads);
  keep(`${name}/outputs`, [length, outputs.length / length], outputs);
  return outputs;
}

/** A Set for an attention whose heads are all on. */
export const NO_HEADS = new Set();

function headsFirst(rows, heads, headDim) {
  const values = new Float32Array(heads * rows.length * headDim);
  rows.forEach((row, t) => {
    for (let h = 0; h < heads; h++) {
      const head = row.subarray(h * headDim, (h + 1) * headDim);
      values.set(head, (h * rows.length + t) * headDim);
    }
  });
  return values;
}

function scoresOf(results, kind, numHeads) {
  const heads = Array.from({ length: numHeads }, (_, h) => h);
  return joinRows(
    heads.flatMap((h) => results.map((result) => result[kind][h])),
  );
}
