/** Makes the layers of a model from the model data. */

import { makeLinear } from "./operations.js";

/**
 * Makes all layers.
 * @param {object} architecture of the model data.
 * @param {Map<string, object>} tensors the result of `readTensors`.
 * @returns {object} `sourceEmbedding`, `targetEmbedding`, `projection`,
 *   `encoder`, `decoder`, `modelDim`, `padId`, `startId`.
 */
export function makeLayers(architecture, tensors) {
  const make = new LayerMaker(tensors, architecture.model_dim);
  return {
    padId: architecture.pad_id,
    startId: architecture.start_id,
    modelDim: architecture.model_dim,
    sourceEmbedding: make.embedding(architecture.source_embedding),
    targetEmbedding: make.embedding(architecture.target_embedding),
    projection: make.projection(architecture.projection),
    encoder: make.stack("encoder", architecture.encoder),
    decoder: make.stack("decoder", architecture.decoder),
  };
}

class LayerMaker {
  constructor(tensors, modelDim) {
    this.tensors = tensors;
    this.modelDim = modelDim;
  }

  values(name) {
    return name === null ? null : this.tensors.get(name).values;
  }

  embedding({ matrix, scale, zero_id: zeroId }) {
    return { values: this.values(matrix), scale: Math.fround(scale), zeroId };
  }

  // The rows of the embedding matrix are what `linear` reads.
  projection({ matrix, bias }) {
    const { shape, values } = this.tensors.get(matrix);
    return {
      inputSize: shape[1],
      outputSize: shape[0],
      weights: values,
      bias: this.values(bias),
    };
  }

  stack(name, stack) {
    const positions = stack.positions;
    return {
      name,
      normalization: stack.normalization,
      positions:
        positions?.kind === "learned"
          ? { ...positions, encodings: this.tensors.get(positions.encodings) }
          : positions,
      positionsNorm: this.norm(stack.positions_norm),
      blocks: stack.blocks.map((block, i) =>
        this.block(`${name}/block_${i + 1}`, block),
      ),
      finalNorm: this.norm(stack.final_norm),
    };
  }

  block(name, block) {
    const made = { name };
    for (const [key, sublayer] of Object.entries(block)) {
      const inner = `${name}/${key}`;
      if (key.endsWith("_residual")) {
        made[key] = this.residual(inner, sublayer);
      } else if (key === "feed_forward") {
        made[key] = this.feedForward(inner, sublayer);
      } else {
        made[key] = this.attention(inner, sublayer);
      }
    }
    return made;
  }

  residual(name, { normalization, norm }) {
    return { name, isPre: normalization === "pre", norm: this.norm(norm) };
  }

  norm(norm) {
    if (norm === null) return null;
    return {
      kind: norm.kind,
      epsilon: norm.epsilon,
      size: this.modelDim,
      gamma: this.values(norm.gamma),
      beta: this.values(norm.beta),
    };
  }

  linear({ kernel, bias }) {
    return makeLinear(this.tensors.get(kernel), this.values(bias));
  }

  feedForward(name, { gate, expand, contract, activation }) {
    return {
      name,
      activation,
      gate: gate && this.linear(gate),
      expand: this.linear(expand),
      contract: this.linear(contract),
    };
  }

  attention(name, attention) {
    const { positions } = attention;
    return {
      name,
      numHeads: attention.num_heads,
      numKeyValueHeads: attention.num_key_value_heads,
      headDim: attention.head_dim,
      query: this.linear(attention.query),
      key: this.linear(attention.key),
      value: this.linear(attention.value),
      output: this.linear(attention.output),
      rotary: positions?.kind === "rotary" ? positions : null,
      relative:
        positions?.kind === "relative"
          ? {
              keys: this.values(positions.keys),
              values: this.values(positions.values),
              maxDistance: positions.max_distance,
            }
          : null,
    };
  }
}
