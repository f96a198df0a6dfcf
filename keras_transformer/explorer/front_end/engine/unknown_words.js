/** Words of a source without a known piece, which a model does not read. */

/**
 * Marks the pieces of each word that a model reads; `unknown_words.py`
 * explains which ones.
 * @param {number[]} ids T ids.
 * @param {object} kinds functions of an id: `isByte`, whether it is a byte;
 *   `isStart`, whether it begins a word; `isSpace`, whether it is only a
 *   space.
 * @returns {boolean[]} T values.
 */
export function knownPieces(ids, { isByte, isStart, isSpace }) {
  const marks = [];
  for (const word of wordsOf(ids, isStart)) {
    const isKnown = word.map((id) => !isByte(id) && !isSpace(id));
    const first = isKnown.indexOf(true);
    const last = isKnown.lastIndexOf(true);
    for (const [i, id] of word.entries()) {
      marks.push(isByte(id) ? first < i && i < last : first >= 0);
    }
  }
  return marks;
}

function wordsOf(ids, isStart) {
  const words = [];
  ids.forEach((id, i) => {
    if (i === 0 || isStart(id)) words.push([]);
    words[words.length - 1].push(id);
  });
  return words;
}
