/** The words that the tokens of a text belong to. */

import { SPACE } from "./normalizer.js";

/**
 * Numbers the words: a word begins at the first token and at each token that
 * begins with a space. The end token has a number of its own.
 * @param {string[]} tokens pieces.
 * @param {boolean} ends whether the last token is the end token.
 * @returns {number[]} counted from 0.
 */
export function wordsOfTokens(tokens, ends) {
  let number = -1;
  return tokens.map((token, i) => {
    const isEnd = ends && i === tokens.length - 1;
    if (i === 0 || isEnd || token.startsWith(SPACE)) number++;
    return number;
  });
}
