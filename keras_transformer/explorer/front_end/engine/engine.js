/** The engine of the page: tokenizer, model and searches of one run. */

import { assess } from "./assessment.js";
import { makeLayers } from "./layers.js";
import { decode, encode } from "./model.js";
import { candidatesOf, logProbsOf } from "./next_tokens.js";
import { searchWith } from "./search.js";
import { makeStepper } from "./stepper.js";
import { finish, logitsOf } from "./sublayers.js";
import { makeTask } from "./task.js";
import { isBlank, Tokenizer } from "./tokenizer.js";
import { readTensors } from "./weights.js";
import { wordsOfTokens } from "./words.js";

// The number of tokens that a trace has of each step after each block.
const OF_A_BLOCK = 5;

/**
 * Makes the engine from the model data.
 * @param {object} data what `embedded_model.py` makes.
 * @returns {Engine}
 */
export function createEngine(data) {
  return new Engine(data);
}

/**
 * A model that translates and traces.
 */
export class Engine {
  constructor(data) {
    this.data = data;
    this.layers = makeLayers(data.architecture, readTensors(data));
    this.tokenizer = new Tokenizer(data.source_vocabulary);
    this.targetTokenizer = data.target_vocabulary
      ? new Tokenizer(data.target_vocabulary)
      : this.tokenizer;
    this.search = data.search;
    this.model = this.facts();
  }

  /**
   * Encodes a source as the model reads it.
   * @param {string} text
   * @returns {{ids: number[], tokens: string[], words: number[]}} S of each,
   *   the end token included.
   */
  tokenize(text) {
    const ids = isBlank(text) ? [] : this.tokenizer.encodeSource(text);
    if (ids.length === 0) {
      throw new Error("There is no word that the model can read.");
    }
    ids.push(this.tokenizer.endId);
    const longest = this.data.limits.max_source_length;
    if (ids.length > longest) {
      throw new Error(
        `The text has ${ids.length} tokens, and the model reads at most ` +
          `${longest}.`,
      );
    }
    return this.listed(ids, this.tokenizer);
  }

  /**
   * Translates a text.
   * @param {string} text
   * @param {object} search see `searchWith`.
   * @returns {{ids: number[], text: string, score: number,
   *   log_probability: number}[]} best first.
   */
  translate(text, search = this.search) {
    const source = this.tokenize(text);
    const off = new Map();
    const memory = encode(this.layers, source.ids, { off });
    const record = this.searched(search, source.ids, memory, off, []);
    return record.hypotheses.map(({ ids, score, log_probability }) => ({
      ids,
      text: this.decode(ids),
      score,
      log_probability,
    }));
  }

  /**
   * Traces a text: every number on the way to its translation.
   * @param {string} text
   * @param {object} options `search`, see `searchWith`, or null for that of
   *   the run; `target`, a translation to read instead of searching, or null;
   *   `prefixIds`, the first tokens of the translation; `offHeads`, a list of
   *   `{attention, head}` that are switched off; `candidates`, the number of
   *   next tokens to list at each step.
   * @returns {object} a trace.
   */
  trace(
    text,
    {
      search = null,
      target = null,
      prefixIds = [],
      offHeads = [],
      candidates = 1000,
    } = {},
  ) {
    const source = this.tokenize(text);
    const off = this.switches(offHeads);
    const arrays = {};
    const keep = (name, shape, values) => {
      arrays[name] = { shape, values };
    };
    const memory = encode(this.layers, source.ids, { off, keep });
    const record =
      target === null
        ? this.searched(
            search ?? this.search,
            source.ids,
            memory,
            off,
            prefixIds,
          )
        : null;
    const ids = record ? record.hypotheses[0].ids : this.encodeTarget(target);
    if (ids.length === 0) throw new Error("All tokens are forbidden.");
    const inputIds = [this.layers.startId, ...ids.slice(0, -1)];
    const read = decode(this.layers, inputIds, memory, { off, keep });
    const tokenizer = this.targetTokenizer;
    const logits = logitsOf(this.layers, read.outputs);
    const translations = record?.hypotheses ?? [
      { ids, logProbs: logProbsOf(logits, ids) },
    ];
    return {
      schema: "keras_transformer.trace",
      version: 1,
      model: this.model,
      source: { text, ...source },
      target: {
        text: this.decode(ids),
        ...this.listed(ids, tokenizer),
        input_ids: inputIds,
        input_tokens: tokenizer.piecesOf(inputIds),
        is_given: target !== null,
      },
      arrays,
      steps: candidatesOf(logits, tokenizer, candidates),
      lens: read.blocks.map((x) => this.lens(x)),
      search: record && withoutLogProbs(record),
      attribution: null,
      assessments: this.assessed(source.ids, translations),
    };
  }

  /**
   * Decodes ids of translations.
   * @param {number[]} ids
   * @returns {string}
   */
  decode(ids) {
    return this.targetTokenizer.decode(ids);
  }

  encodeTarget(text) {
    if (isBlank(text)) throw new Error("The translation has no word.");
    const tokenizer = this.targetTokenizer;
    return [...tokenizer.encode(text), tokenizer.endId];
  }

  searched(search, sourceIds, memory, off, prefix) {
    const { endId } = this.targetTokenizer;
    const task = makeTask(this.data, sourceIds.length, prefix, endId);
    const stepper = makeStepper(this.layers, memory, off);
    return searchWith(search, stepper, task, this.model.vocabulary_size);
  }

  // How sure each translation is; null if the model has no calibration.
  assessed(sourceIds, translations) {
    const { calibration } = this.data;
    if (!calibration) return null;
    const source = { tokenizer: this.tokenizer, ids: sourceIds };
    return translations.map(({ ids, logProbs }) =>
      assess(calibration, source, {
        tokenizer: this.targetTokenizer,
        ids,
        logProbs,
      }),
    );
  }

  // What the output layer would say of the output of a decoder block.
  lens(x) {
    const outputs = finish(this.layers, this.layers.decoder, x, () => {});
    const logits = logitsOf(this.layers, outputs);
    return candidatesOf(logits, this.targetTokenizer, OF_A_BLOCK);
  }

  listed(ids, tokenizer) {
    const tokens = tokenizer.piecesOf(ids);
    const ends = ids[ids.length - 1] === tokenizer.endId;
    return { ids, tokens, words: wordsOfTokens(tokens, ends) };
  }

  switches(heads) {
    const off = new Map();
    const { encoder, decoder } = this.layers;
    const attentions = [...encoder.blocks, ...decoder.blocks].flatMap(
      Object.values,
    );
    for (const { attention, head } of heads) {
      const layer = attentions.find((each) => each.name === attention);
      if (!(head < layer?.numHeads)) {
        throw new Error(`The model has no head ${head} of "${attention}".`);
      }
      off.set(attention, (off.get(attention) ?? new Set()).add(head));
    }
    return off;
  }

  facts() {
    const { encoder, decoder, modelDim, padId, startId } = this.layers;
    const { attention } = encoder.blocks[0];
    const rotary = attention.rotary && "rotary";
    const relative = attention.relative && "relative";
    return {
      num_encoder_layers: encoder.blocks.length,
      num_decoder_layers: decoder.blocks.length,
      model_dim: modelDim,
      num_heads: attention.numHeads,
      num_key_value_heads: attention.numKeyValueHeads,
      head_dim: attention.headDim,
      normalization: encoder.normalization,
      vocabulary_size: this.targetTokenizer.vocabulary.pieces.length,
      pad_id: padId,
      start_id: startId,
      end_id: this.targetTokenizer.endId,
      attention_positions: rotary ?? relative,
    };
  }
}

/** The search record of a trace, which has no log-probabilities of tokens. */
function withoutLogProbs(record) {
  const hypotheses = record.hypotheses.map(({ logProbs, ...rest }) => rest);
  return { ...record, hypotheses };
}
