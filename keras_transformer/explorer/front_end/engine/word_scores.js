/** The words of a translation, as `translation/word_scores.py` makes them. */

import { SPACE } from "./normalizer.js";

/**
 * Returns the words of a translation, with the log-probability of each, the sum
 * over its pieces. A word is what stands between spaces. If no piece of the
 * vocabulary begins with a space, every token is a word.
 * @param {object} tokenizer the `Tokenizer` of translations.
 * @param {number[]} ids T ids, the end token included.
 * @param {number[]} logProbs T numbers.
 * @returns {{words: string[], logProbs: number[], mean: number}} the mean is
 *   that of all tokens, the end token included.
 */
export function scoreWords(tokenizer, ids, logProbs) {
  const numbers = wordNumbers(tokenizer, ids);
  const groups = new Map();
  ids.forEach((id, i) => {
    if (tokenizer.special.has(id)) return;
    const group = groups.get(numbers[i]) ?? { ids: [], total: 0 };
    group.ids.push(id);
    group.total += logProbs[i];
    groups.set(numbers[i], group);
  });
  const scored = [...groups.values()]
    .map((group) => ({ word: tokenizer.decode(group.ids), ...group }))
    // Pieces that have only spaces may be left at the end.
    .filter(({ word }) => !/^[\t-\r ]*$/.test(word));
  return {
    words: scored.map(({ word }) => word),
    logProbs: scored.map(({ total }) => total),
    mean: logProbs.reduce((sum, each) => sum + each, 0) / (ids.length || 1),
  };
}

/** The number of the word of each token; a special id begins no word. */
function wordNumbers({ vocabulary, special }, ids) {
  const { pieces } = vocabulary;
  const hasStarts = pieces.some((piece) => piece.startsWith(SPACE));
  const begins = (id) =>
    !special.has(id) && (!hasStarts || pieces[id].startsWith(SPACE));
  const isSpace = (id) =>
    !special.has(id) && pieces[id].replaceAll(SPACE, "") === "";
  let number = 0;
  return ids.map((id, i) => {
    // A piece that has only spaces belongs to the next word.
    const isAfterSpace = i > 0 && isSpace(ids[i - 1]);
    if (begins(id) && !isAfterSpace) number++;
    return number;
  });
}
