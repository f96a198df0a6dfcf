/** Text to ids and back, as `keras_transformer.text.Tokenizer` does it. */

import { splitByMerges } from "./byte_pairs.js";
import { lengthOfCharacter, Normalizer, SPACE } from "./normalizer.js";
import { splitByScores } from "./unigram.js";
import { knownPieces } from "./unknown_words.js";
import { Vocabulary } from "./vocabulary.js";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// The escape character of `text/escaping.py`.
const ESCAPE = "\u{10fffd}";
// The characters for which Python's `str.isspace` is true.
const IS_BLANK =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: four are spaces.
  /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/;

/**
 * Whether a text is empty or white space only.
 * @param {string} text
 * @returns {boolean}
 */
export function isBlank(text) {
  return IS_BLANK.test(text);
}

/**
 * Decodes UTF-8; each byte that is not part of a character becomes U+FFFD.
 * @param {number[]} bytes
 * @returns {string}
 */
export function textOfBytes(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; ) {
    const length = lengthOfCharacter(bytes[start]);
    try {
      text += DECODER.decode(
        Uint8Array.from(bytes.slice(start, start + length)),
      );
      start += length;
    } catch {
      text += "\ufffd";
      start += 1;
    }
  }
  return text;
}

/**
 * A vocabulary of the model data.
 */
export class Tokenizer {
  /**
   * @param {object} data a vocabulary of the model data.
   */
  constructor(data) {
    this.data = data;
    this.vocabulary = new Vocabulary(data);
    this.normalizer = new Normalizer(
      data.normalization,
      this.vocabulary.userPieces,
    );
    this.denormalizer =
      data.denormalization && new Normalizer(data.denormalization);
    this.split = data.kind === "bpe" ? splitByMerges : splitByScores;
    const { pad, begin, end, unknown } = data.special_ids;
    this.endId = end;
    this.special = new Set([pad, begin, end, unknown]);
  }

  /**
   * Encodes a text without special ids.
   * @param {string} text lone surrogates are read as U+FFFD.
   * @returns {number[]}
   */
  encode(text) {
    // A space is put before each text; see `text/escaping.py`.
    const escaped = text === "" ? "" : ` ${text}`;
    const { vocabulary, data } = this;
    const { unknown } = data.special_ids;
    const ids = [];
    let isAfterUnknown = false;
    for (const piece of this.split(
      this.normalizer.normalize(escaped),
      vocabulary,
    )) {
      const id = vocabulary.ids.get(piece);
      if (id !== undefined) ids.push(id);
      else if (vocabulary.bytes.size > 0) {
        for (const byte of ENCODER.encode(piece)) {
          ids.push(vocabulary.bytes.get(byte));
        }
      } else if (!isAfterUnknown) ids.push(unknown);
      isAfterUnknown = id === undefined;
    }
    return ids;
  }

  /**
   * Encodes a text for a model that translates it: it leaves out words that
   * the vocabulary does not know.
   * @param {string} text
   * @returns {number[]}
   */
  encodeSource(text) {
    const ids = this.encode(text);
    if (!this.data.leaves_out_unknown_words) return ids;
    const { vocabulary } = this;
    const isKnown = knownPieces(ids, {
      isByte: (id) => vocabulary.isByte(id),
      isStart: (id) => vocabulary.pieces[id].startsWith(SPACE),
      isSpace: (id) => vocabulary.pieces[id] === SPACE,
    });
    if (isKnown.every((known) => known)) return ids;
    // The remaining text is encoded again: it may be split differently.
    return this.encode(this.decode(ids.filter((_, i) => isKnown[i])));
  }

  /**
   * Decodes ids; special ids are left out.
   * @param {number[]} ids
   * @returns {string}
   */
  decode(ids) {
    const text = this.joined(ids.filter((id) => !this.special.has(id)));
    return text
      .replace(/^ /, "")
      .replaceAll(`${ESCAPE}1`, SPACE)
      .replaceAll(`${ESCAPE}0`, ESCAPE);
  }

  // Joins pieces as SentencePiece does, and spells bytes.
  joined(ids) {
    const { vocabulary, data } = this;
    const { add_dummy_prefix: adds, remove_extra_whitespaces: removes } =
      data.normalization;
    let text = "";
    let bytes = [];
    let isFirst = adds || removes;
    const flush = () => {
      text += textOfBytes(bytes);
      bytes = [];
    };
    for (const id of ids) {
      let piece = vocabulary.pieces[id];
      if (vocabulary.isByte(id)) {
        bytes.push(parseInt(piece.slice(3, 5), 16));
        continue;
      }
      flush();
      if (vocabulary.isControl(id)) continue;
      if (text !== "") isFirst = false;
      if (isFirst && piece.startsWith(SPACE)) {
        piece = piece.slice(1);
        isFirst = removes;
      }
      text += piece.replaceAll(SPACE, " ");
    }
    flush();
    return this.denormalizer ? this.denormalizer.normalize(text) : text;
  }

  /**
   * Returns the pieces of ids.
   * @param {number[]} ids
   * @returns {string[]}
   */
  piecesOf(ids) {
    return ids.map((id) => this.vocabulary.pieces[id]);
  }
}
