/** The Transformer on whole sequences, of which every number is kept. */

import { attendAll } from "./attention.js";
import {
  enter,
  finish,
  KEEP_NOTHING,
  residual,
  transform,
} from "./sublayers.js";

/**
 * Reads the source: ids to memory.
 * @param {object} layers the result of `makeLayers`.
 * @param {number[]} ids S source ids.
 * @param {object} context `off`, a Map from names of attentions to Sets of
 *   heads that are switched off; `keep`, see `attendAll`.
 * @returns {Float32Array} (S, D).
 */
export function encode(layers, ids, { off, keep = KEEP_NOTHING }) {
  const context = { off, keep, isCausal: false };
  const stack = layers.encoder;
  let x = enter(layers, "source", ids, stack, layers.sourceEmbedding, keep);
  for (const block of stack.blocks) {
    x = residual(block.attention_residual, x, keep, (inputs) =>
      attendAll(block.attention, inputs, inputs, context),
    );
    x = transform(block, x, keep);
  }
  return finish(layers, stack, x, keep);
}

/**
 * Reads a whole target.
 * @param {object} layers the result of `makeLayers`.
 * @param {number[]} ids T target ids, the start id first.
 * @param {Float32Array} memory (S, D).
 * @param {object} context as for `encode`.
 * @returns {{outputs: Float32Array, blocks: Float32Array[]}} the decoder's
 *   outputs, and those of each block, (T, D) each.
 */
export function decode(layers, ids, memory, { off, keep = KEEP_NOTHING }) {
  const causal = { off, keep, isCausal: true };
  const whole = { off, keep, isCausal: false };
  const stack = layers.decoder;
  const blocks = [];
  let x = enter(layers, "target", ids, stack, layers.targetEmbedding, keep);
  for (const block of stack.blocks) {
    x = residual(block.self_attention_residual, x, keep, (inputs) =>
      attendAll(block.self_attention, inputs, inputs, causal),
    );
    x = residual(block.cross_attention_residual, x, keep, (inputs) =>
      attendAll(block.cross_attention, inputs, memory, whole),
    );
    x = transform(block, x, keep);
    blocks.push(x);
  }
  return { outputs: finish(layers, stack, x, keep), blocks };
}
