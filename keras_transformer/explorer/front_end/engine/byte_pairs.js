/** Byte-pair encoding: merges neighbours, the pair of the best score first. */

/**
 * Splits a normalized text into pieces.
 * @param {string} text
 * @param {object} vocabulary a `Vocabulary`.
 * @returns {string[]} pieces, and characters without a piece.
 */
export function splitByMerges(text, vocabulary) {
  const symbols = vocabulary.symbols(text);
  const agenda = new Agenda();

  function propose(left, right) {
    if (left < 0 || right < 0) return;
    const [first, second] = [symbols[left], symbols[right]];
    if (first.isFrozen || second.isFrozen) return;
    const piece = first.piece + second.piece;
    const id = vocabulary.ids.get(piece);
    if (id === undefined) return;
    const score = vocabulary.scores[id];
    agenda.push({ left, right, score, size: piece.length });
  }

  for (let i = 1; i < symbols.length; i++) propose(i - 1, i);
  while (agenda.items.length > 0) {
    const { left, right, size } = agenda.pop();
    const [first, second] = [symbols[left], symbols[right]];
    // One of the two has been merged with another neighbour.
    if (!first.piece || !second.piece) continue;
    if (first.piece.length + second.piece.length !== size) continue;
    first.piece += second.piece;
    second.piece = "";
    first.next = second.next;
    if (second.next >= 0) symbols[second.next].previous = left;
    propose(first.previous, left);
    propose(left, first.next);
  }
  return symbols.map((symbol) => symbol.piece).filter((piece) => piece);
}

/** A heap of pairs: best score first, and of equal scores the leftmost. */
class Agenda {
  constructor() {
    this.items = [];
  }

  push(item) {
    const { items } = this;
    let i = items.length;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(item, items[parent])) break;
      items[i] = items[parent];
      i = parent;
    }
    items[i] = item;
  }

  pop() {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (items.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1], items[child]))
        child++;
      if (!isBefore(items[child], last)) break;
      items[i] = items[child];
      i = child;
    }
    items[i] = last;
    return first;
  }
}

function isBefore(first, second) {
  return (
    first.score > second.score ||
    (first.score === second.score && first.left < second.left)
  );
}
