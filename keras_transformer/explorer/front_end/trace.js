// Reading a trace: decoding its arrays, and naming its parts.
//
// S source tokens, T target tokens, D model_dim, H heads, N key-value heads,
// K head_dim.

import { numberOfHalf } from "./half_precision.js";

/** The three attentions, in the order of the model. */
export const ATTENTIONS = [
  {
    id: "encoder",
    label: "Encoder self-attention",
    stack: "encoder",
    sublayer: "attention",
    queries: "source",
    keys: "source",
  },
  {
    id: "decoder",
    label: "Decoder self-attention",
    stack: "decoder",
    sublayer: "self_attention",
    queries: "target",
    keys: "target",
  },
  {
    id: "cross",
    label: "Encoder–decoder attention",
    stack: "decoder",
    sublayer: "cross_attention",
    queries: "target",
    keys: "source",
  },
];

/** The entry of `ATTENTIONS` with an id. */
export function attentionOf(id) {
  return ATTENTIONS.find((each) => each.id === id) ?? ATTENTIONS[0];
}

/** Returns a trace of JSON with `values` as Float32Arrays. */
export function decodeTrace(json) {
  const arrays = {};
  for (const [name, array] of Object.entries(json.arrays)) {
    arrays[name] = decodeArray(array);
  }
  const attribution = json.attribution && {
    ...json.attribution,
    scores: decodeArray(json.attribution.scores),
  };
  return { ...json, arrays, attribution };
}

function decodeArray({ shape, values, dtype }) {
  if (typeof values !== "string") return { shape, values };
  const bytes = Uint8Array.from(atob(values), (each) => each.charCodeAt(0));
  if (dtype !== "float16") {
    return { shape, values: new Float32Array(bytes.buffer) };
  }
  const halves = new Uint16Array(bytes.buffer);
  return { shape, values: Float32Array.from(halves, numberOfHalf) };
}

/** The path of an attention's arrays: encoder/block_1/attention. */
export function attentionPath(id, layer) {
  const { stack, sublayer } = attentionOf(id);
  return `${stack}/block_${layer}/${sublayer}`;
}

/** What such a path names: {attention (its id), layer}. */
export function readPath(path) {
  const [, stack, layer, sublayer] = /^(\w+)\/block_(\d+)\/(\w+)$/.exec(path);
  const { id } = ATTENTIONS.find(
    (each) => each.stack === stack && each.sublayer === sublayer,
  );
  return { attention: id, layer: Number(layer) };
}

/** How many blocks the stack of an attention has. */
export function layersOf(trace, id) {
  const { num_encoder_layers, num_decoder_layers } = trace.model;
  return id === "encoder" ? num_encoder_layers : num_decoder_layers;
}

/** A layer that exists, from 1; the last one if none is chosen. */
export function existingLayer(trace, id, layer) {
  const count = layersOf(trace, id);
  return layer >= 1 && layer <= count ? layer : count;
}

/**
 * The vector at the leading indices of an array.
 * @returns {Float32Array} a view of the array's last axis (D or K numbers)
 */
export function vector(trace, name, ...indices) {
  const array = trace.arrays[name];
  const size = array.shape[array.shape.length - 1];
  const row = indices.reduce(
    (sum, index, axis) => sum * array.shape[axis] + index,
    0,
  );
  return array.values.subarray(row * size, (row + 1) * size);
}

/**
 * One head's matrix of an array (H, rows, columns), or a whole (rows, columns).
 * @returns {{rows: number, columns: number, values: Float32Array}}
 */
export function matrix(trace, name, head = 0) {
  const { shape, values } = trace.arrays[name];
  const [rows, columns] = shape.slice(-2);
  const size = rows * columns;
  return {
    rows,
    columns,
    values: values.subarray(head * size, (head + 1) * size),
  };
}

/** The key-value head that a head reads, where several heads share one. */
export function keyValueHead(trace, head) {
  const { num_heads, num_key_value_heads } = trace.model;
  return Math.floor((head * num_key_value_heads) / num_heads);
}

/**
 * The tokens at one side of an attention, with the numbers of their words.
 *
 * The decoder's tokens are those that it reads: the start token, then the
 * target without its last token. The start token is a word of its own.
 * @returns {{tokens: string[], words: number[]}}
 */
export function sideTokens(trace, side) {
  if (side === "source") return trace.source;
  const { input_tokens, words } = trace.target;
  return {
    tokens: input_tokens,
    words: [0, ...words.slice(0, -1).map((number) => number + 1)],
  };
}

const textsById = new WeakMap();

/** The text of a target id, as far as the trace knows it. */
export function tokenOf(trace, id) {
  if (!textsById.has(trace)) {
    const texts = new Map();
    const add = ({ ids, tokens }) => {
      ids.forEach((each, index) => {
        texts.set(each, tokens[index]);
      });
    };
    trace.steps.forEach(add);
    trace.lens.flat().forEach(add);
    add(trace.target);
    textsById.set(trace, texts);
  }
  return textsById.get(trace).get(id) ?? `#${id}`;
}
