// Which items of two sequences correspond.

/**
 * Aligns two lists by their longest common subsequence.
 *
 * Between two common items, as many items as both lists have are paired too:
 * tired with wide. The others have no partner.
 * @returns {{first: number|null, second: number|null, same: boolean}[]}
 */
export function align(first, second) {
  const lengths = commonLengths(first, second);
  const pairs = [];
  let [i, j] = [0, 0];
  let [onlyFirst, onlySecond] = [[], []];
  const flush = () => {
    const count = Math.max(onlyFirst.length, onlySecond.length);
    for (let index = 0; index < count; index += 1) {
      pairs.push({
        first: onlyFirst[index] ?? null,
        second: onlySecond[index] ?? null,
        same: false,
      });
    }
    [onlyFirst, onlySecond] = [[], []];
  };
  while (i < first.length || j < second.length) {
    if (i < first.length && j < second.length && first[i] === second[j]) {
      flush();
      pairs.push({ first: i, second: j, same: true });
      i += 1;
      j += 1;
    } else if (
      j === second.length ||
      (i < first.length && lengths[i + 1][j] >= lengths[i][j + 1])
    ) {
      onlyFirst.push(i);
      i += 1;
    } else {
      onlySecond.push(j);
      j += 1;
    }
  }
  flush();
  return pairs;
}

/** Lengths of the longest common subsequences of all pairs of ends. */
function commonLengths(first, second) {
  const lengths = Array.from(
    { length: first.length + 1 },
    () => new Int32Array(second.length + 1),
  );
  for (let i = first.length - 1; i >= 0; i -= 1) {
    for (let j = second.length - 1; j >= 0; j -= 1) {
      lengths[i][j] =
        first[i] === second[j]
          ? lengths[i + 1][j + 1] + 1
          : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

/** Words of two texts, each with whether the other text has it too. */
export function compareWords(first, second) {
  const words = [first, second].map((text) =>
    text.split(/\s+/).filter(Boolean),
  );
  const common = [new Set(), new Set()];
  for (const pair of align(...words)) {
    if (pair.same) {
      common[0].add(pair.first);
      common[1].add(pair.second);
    }
  }
  return words.map((list, side) =>
    list.map((word, index) => ({ word, same: common[side].has(index) })),
  );
}
