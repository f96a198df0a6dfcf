/** The decoder of the Transformer, one target position at a time. */

import {
  attend,
  joinRows,
  NO_HEADS,
  projectMemory,
  projectQueries,
} from "./attention.js";
import { add, linear, normalize } from "./operations.js";
import { encodePositions } from "./positions.js";
import {
  embed,
  finish,
  KEEP_NOTHING,
  logitsOf,
  residual,
  transform,
} from "./sublayers.js";

/**
 * Makes a function that decodes step by step; see `search/` in Python.
 * @param {object} layers the result of `makeLayers`.
 * @param {Float32Array} memory (S, D).
 * @param {Map<string, Set<number>>} off heads that are switched off.
 * @returns {{start: object[], step: function}} the state of a hypothesis
 *   without tokens, and a function of W last ids, their position and W
 *   states. It returns W rows of `logits`, W `states`, and W rows of
 *   `attention` to the source.
 */
export function makeStepper(layers, memory, off) {
  const { blocks } = layers.decoder;
  const inMemory = blocks.map((block) =>
    projectMemory(block.cross_attention, memory, (row) => row),
  );
  const start = blocks.map(() => ({ keys: [], values: [] }));

  function step(ids, position, states) {
    const run = { position, off, crossWeights: [] };
    let x = embed(layers, layers.targetEmbedding, ids);
    const { positions, positionsNorm } = layers.decoder;
    if (positions) {
      const row = encodePositions(positions, position, 1, layers.modelDim);
      x = add(x, joinRows(ids.map(() => row)));
    }
    if (positionsNorm) x = normalize(x, positionsNorm);
    const pasts = [];
    blocks.forEach((block, i) => {
      const past = states.map((state) => state[i]);
      const result = stepBlock(block, x, past, inMemory[i], run);
      x = result.x;
      pasts.push(result.past);
    });
    x = finish(layers, layers.decoder, x, KEEP_NOTHING);
    return {
      logits: logitsOf(layers, x),
      states: ids.map((_, w) => pasts.map((past) => past[w])),
      attention: alignment(run.crossWeights),
    };
  }

  return { start, step };
}

function stepBlock(block, inputs, pasts, inMemory, run) {
  let extended;
  let x = residual(block.self_attention_residual, inputs, KEEP_NOTHING, (x) => {
    const layer = block.self_attention;
    const { keys, values } = projectMemory(layer, x, () => run.position);
    // The arrays of keys and values are shared with the past, not copied.
    extended = pasts.map((past, w) => ({
      keys: [...past.keys, keys[w]],
      values: [...past.values, values[w]],
    }));
    return stepAttention(layer, x, (w) => extended[w], run).outputs;
  });
  x = residual(block.cross_attention_residual, x, KEEP_NOTHING, (x) => {
    const layer = block.cross_attention;
    const { outputs, weights } = stepAttention(layer, x, () => inMemory, run);
    run.crossWeights.push(weights);
    return outputs;
  });
  return { x: transform(block, x, KEEP_NOTHING), past: extended };
}

function stepAttention(layer, inputs, pastOf, { position, off }) {
  const queries = projectQueries(layer, inputs, () => position);
  const results = queries.map((query, w) => {
    const past = pastOf(w);
    return attend(layer, query, past, {
      position,
      allowed: past.keys.length,
      off: off.get(layer.name) ?? NO_HEADS,
    });
  });
  return {
    outputs: linear(joinRows(results.map((r) => r.attended)), layer.output),
    weights: results.map((result) => result.weights),
  };
}

// The mean over the heads of the second last block, or of the last of two.
function alignment(crossWeights) {
  const count = crossWeights.length;
  const rows = crossWeights[count > 2 ? count - 2 : count - 1];
  return rows.map((heads) => {
    const mean = new Float64Array(heads[0].length);
    for (const head of heads) {
      for (let s = 0; s < mean.length; s++) mean[s] += head[s] / heads.length;
    }
    return Float32Array.from(mean);
  });
}
