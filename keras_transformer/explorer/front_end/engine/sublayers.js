/** What the blocks of encoder and decoder are made of, except attention. */

import { activate } from "./activations.js";
import { rowsOf } from "./attention.js";
import { add, linear, normalize } from "./operations.js";
import { encodePositions } from "./positions.js";

/** A function that keeps no numbers. */
export const KEEP_NOTHING = () => {};

/**
 * Embeds ids.
 * @param {object} layers the result of `makeLayers`.
 * @param {object} embedding the source's or the target's of it.
 * @param {number[]} ids T ids.
 * @returns {Float32Array} (T, D), scaled.
 */
export function embed(layers, embedding, ids) {
  const size = layers.modelDim;
  const vectors = new Float32Array(ids.length * size);
  ids.forEach((id, t) => {
    if (id === embedding.zeroId) return;
    for (let i = 0; i < size; i++) {
      vectors[t * size + i] = embedding.values[id * size + i] * embedding.scale;
    }
  });
  return vectors;
}

/**
 * Embeds ids and adds positions.
 * @param {object} layers the result of `makeLayers`.
 * @param {string} name "source" or "target".
 * @param {number[]} ids T ids.
 * @param {object} stack the encoder or the decoder of the layers.
 * @param {object} embedding the source's or the target's of the layers.
 * @param {function} keep see `attendAll`.
 * @returns {Float32Array} (T, D), the inputs of the first block.
 */
export function enter(layers, name, ids, stack, embedding, keep) {
  const shape = [ids.length, layers.modelDim];
  const embeddings = embed(layers, embedding, ids);
  keep(`${name}/embeddings`, shape, embeddings);
  let inputs = embeddings;
  if (stack.positions) {
    const positions = encodePositions(stack.positions, 0, ...shape);
    keep(`${name}/positions`, shape, positions);
    inputs = add(embeddings, positions);
  }
  if (stack.positionsNorm) inputs = normalize(inputs, stack.positionsNorm);
  keep(`${name}/inputs`, shape, inputs);
  return inputs;
}

/**
 * Applies a sublayer in its residual connection, with its norm.
 * @param {object} layer a residual connection of `layers.js`.
 * @param {Float32Array} x (T, D).
 * @param {function} keep see `attendAll`.
 * @param {function(Float32Array): Float32Array} sublayer
 * @returns {Float32Array} (T, D).
 */
export function residual(layer, x, keep, sublayer) {
  const outputs = layer.isPre
    ? add(x, sublayer(normalize(x, layer.norm)))
    : normalize(add(x, sublayer(x)), layer.norm);
  const size = layer.norm.size;
  keep(layer.name, [x.length / size, size], outputs);
  return outputs;
}

/**
 * Applies the last sublayer of a block, the feed-forward network.
 * @param {object} block a block of `layers.js`.
 * @param {Float32Array} x (T, D).
 * @param {function} keep see `attendAll`.
 * @returns {Float32Array} (T, D).
 */
export function transform(block, x, keep) {
  const layer = block.feed_forward;
  return residual(block.feed_forward_residual, x, keep, (inputs) => {
    const size = layer.contract.outputSize;
    const shape = [inputs.length / size, size];
    keep(`${layer.name}/inputs`, shape, inputs);
    const outputs = linear(hidden(layer, inputs), layer.contract);
    keep(`${layer.name}/outputs`, shape, outputs);
    return outputs;
  });
}

function hidden(layer, inputs) {
  const expanded = linear(inputs, layer.expand);
  if (!layer.gate) return activate(expanded, layer.activation);
  const gates = activate(linear(inputs, layer.gate), layer.activation);
  return gates.map((gate, i) => gate * expanded[i]);
}

/**
 * Applies the norm at the end of a stack, if it has one.
 * @param {object} layers the result of `makeLayers`.
 * @param {object} stack the encoder or the decoder of it.
 * @param {Float32Array} x (T, D).
 * @param {function} keep see `attendAll`.
 * @returns {Float32Array} (T, D).
 */
export function finish(layers, stack, x, keep) {
  const outputs = stack.finalNorm ? normalize(x, stack.finalNorm) : x;
  const shape = [x.length / layers.modelDim, layers.modelDim];
  keep(`${stack.name}/outputs`, shape, outputs);
  return outputs;
}

/**
 * Computes the logits of the next token.
 * @param {object} layers the result of `makeLayers`.
 * @param {Float32Array} outputs of the decoder, (T, D).
 * @returns {Float32Array[]} T rows of V logits.
 */
export function logitsOf(layers, outputs) {
  const { projection } = layers;
  return rowsOf(linear(outputs, projection), projection.outputSize);
}
