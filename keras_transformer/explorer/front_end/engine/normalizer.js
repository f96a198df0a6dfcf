/**
 * The normalization of SentencePiece: rules that replace the longest sequence
 * of bytes that one of them has, and then spaces.
 */

import { bytesOfBase64 } from "./base64.js";

/** The character that SentencePiece writes for a space. */
export const SPACE = "\u2581";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const BLANK = 0x20;

/**
 * The rules and settings of one normalization.
 */
export class Normalizer {
  /**
   * @param {object} data `rules`, the precompiled table of SentencePiece in
   *   base64; `add_dummy_prefix`, `remove_extra_whitespaces` and
   *   `escape_whitespaces`.
   * @param {string[]} userPieces pieces that no rule changes.
   */
  constructor(data, userPieces = []) {
    this.settings = data;
    this.userPieces = userPieces.map((piece) => ENCODER.encode(piece));
    const bytes = bytesOfBase64(data.rules);
    this.units = null;
    if (bytes.length === 0) return;
    const view = new DataView(bytes.buffer);
    const size = view.getUint32(0, true);
    this.units = new Uint32Array(size / 4);
    for (let i = 0; i < this.units.length; i++) {
      this.units[i] = view.getUint32(4 + 4 * i, true);
    }
    this.replacements = bytes.subarray(4 + size);
  }

  /**
   * Normalizes a text.
   * @param {string} text
   * @returns {string}
   */
  normalize(text) {
    const { settings } = this;
    const removes = settings.remove_extra_whitespaces;
    const space = settings.escape_whitespaces ? [0xe2, 0x96, 0x81] : [BLANK];
    const input = ENCODER.encode(text);
    const output = [];
    if (input.length === 0) return "";
    if (settings.add_dummy_prefix) output.push(...space);
    let isAfterSpace = removes;
    let start = 0;
    while (start < input.length) {
      const { length, bytes } = this.prefix(input, start);
      let first = 0;
      while (isAfterSpace && bytes[first] === BLANK) first++;
      for (const byte of bytes.subarray(first)) {
        if (byte === BLANK) output.push(...space);
        else output.push(byte);
      }
      if (first < bytes.length) {
        isAfterSpace = removes && bytes[bytes.length - 1] === BLANK;
      }
      start += length;
    }
    if (removes) removeAtEnd(output, space);
    return DECODER.decode(Uint8Array.from(output));
  }

  // Returns how many bytes one rule replaces, and by which bytes.
  prefix(input, start) {
    let length = longestAt(this.userPieces, input, start);
    if (length === 0) {
      const rule = this.longestRule(input, start);
      if (rule) return rule;
      length = lengthOfCharacter(input[start]);
    }
    return { length, bytes: input.subarray(start, start + length) };
  }

  // Walks through the double array trie (the format is that of darts-clone).
  longestRule(input, start) {
    if (!this.units) return null;
    const { units } = this;
    let longest = null;
    let node = offsetOf(units[0]);
    for (let i = start; i < input.length; i++) {
      node ^= input[i];
      const unit = units[node];
      // The label of a unit is its last byte; leaves have the first bit.
      if ((unit & 0x800000ff) !== input[i]) break;
      node ^= offsetOf(unit);
      if ((unit >>> 8) & 1) {
        longest = { length: i + 1 - start, value: units[node] & 0x7fffffff };
      }
    }
    if (!longest) return null;
    const end = this.replacements.indexOf(0, longest.value);
    const bytes = this.replacements.subarray(longest.value, end);
    return { length: longest.length, bytes };
  }
}

function offsetOf(unit) {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

/**
 * Returns the number of bytes of a character in UTF-8.
 * @param {number} firstByte
 * @returns {number}
 */
export function lengthOfCharacter(firstByte) {
  if (firstByte < 0xc0) return 1;
  if (firstByte < 0xe0) return 2;
  return firstByte < 0xf0 ? 3 : 4;
}

function longestAt(pieces, input, start) {
  let longest = 0;
  for (const piece of pieces) {
    const isHere = piece.every((byte, i) => input[start + i] === byte);
    if (isHere) longest = Math.max(longest, piece.length);
  }
  return longest;
}

function removeAtEnd(output, space) {
  const endsWithSpace = () =>
    output.length >= space.length &&
    space.every((byte, i) => output[output.length - space.length + i] === byte);
  while (endsWithSpace()) output.length -= space.length;
}
