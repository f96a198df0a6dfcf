/** Unigram segmentation: the pieces with the largest sum of scores. */

// What SentencePiece takes from the lowest score for an unknown character.
const UNKNOWN_PENALTY = 10;

/**
 * Splits a normalized text into pieces (Viterbi's algorithm).
 * @param {string} text
 * @param {object} vocabulary a `Vocabulary`.
 * @returns {string[]} pieces, and characters without a piece.
 */
export function splitByScores(text, vocabulary) {
  const { ids, longestPiece } = vocabulary;
  const { lowest, scoreOf } = scoresOf(vocabulary);
  const characters = Array.from(text);
  const best = characters.map(() => null);
  best.push(null);
  best[0] = { score: 0, start: -1 };

  function propose(start, end, total) {
    // SentencePiece keeps sums in float32.
    if (!best[end] || total > best[end].score) {
      best[end] = { score: Math.fround(total), start };
    }
  }

  for (let start = 0; start < characters.length; start++) {
    const before = best[start].score;
    let hasOne = false;
    let piece = "";
    for (let end = start; end < characters.length; end++) {
      piece += characters[end];
      if (piece.length > longestPiece) break;
      const id = ids.get(piece);
      if (id === undefined) continue;
      propose(start, end + 1, before + scoreOf(id, piece));
      if (end === start) hasOne = true;
    }
    if (!hasOne) {
      const penalized = Math.fround(lowest - UNKNOWN_PENALTY);
      propose(start, start + 1, Math.fround(before + penalized));
    }
  }
  const pieces = [];
  for (let end = characters.length; end > 0; end = best[end].start) {
    pieces.push(characters.slice(best[end].start, end).join(""));
  }
  return pieces.reverse();
}

// A piece of the user is always better than the pieces that it consists of.
function scoresOf({ scores, isNormal, isUserDefined }) {
  const normal = scores.filter((_, id) => isNormal(id));
  // SentencePiece takes the maximum of these and a number just above 0.
  const highest = normal.reduce((a, b) => Math.max(a, b), 0);
  const lowest = normal.reduce((a, b) => Math.min(a, b), Infinity);
  const bytes = new TextEncoder();
  return {
    lowest,
    scoreOf: (id, piece) =>
      isUserDefined(id)
        ? bytes.encode(piece).length * highest - 0.1
        : scores[id],
  };
}
