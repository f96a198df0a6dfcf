// Whole words instead of pieces. A word's weight as a key is the sum over its
// pieces; as a query it is the mean, so that the weights of a row still sum to 1.

import { attentionOf, attentionPath, matrix, sideTokens } from "./trace.js";

/** Indices of tokens by words: [0, 0, 1] gives [[0, 1], [2]]. */
export function groupsOf(words) {
  const groups = [];
  words.forEach((word, index) => {
    if (index > 0 && words[index - 1] === word) {
      groups[groups.length - 1].push(index);
    } else {
      groups.push([index]);
    }
  });
  return groups;
}

/**
 * Tokens of one side of an attention, or its words.
 * @returns {{labels: string[], groups: number[][]}} the tokens of each label
 */
export function unitsOf({ tokens, words }, units) {
  if (units === "pieces") {
    return { labels: tokens, groups: tokens.map((_, index) => [index]) };
  }
  const groups = groupsOf(words);
  const labels = groups.map((group) =>
    group
      .map((index) => tokens[index])
      .join("")
      .replace(/^\u2581(?=.)/, ""),
  );
  return { labels, groups };
}

/** Weights of pieces (T, S) to weights of words: keys summed, queries averaged. */
export function weightsOfGroups(weights, rowGroups, columnGroups) {
  const { columns, values } = weights;
  const result = new Float32Array(rowGroups.length * columnGroups.length);
  rowGroups.forEach((rows, r) => {
    columnGroups.forEach((keys, c) => {
      let sum = 0;
      for (const row of rows) {
        for (const key of keys) sum += values[row * columns + key];
      }
      result[r * columnGroups.length + c] = sum / rows.length;
    });
  });
  return {
    rows: rowGroups.length,
    columns: columnGroups.length,
    values: result,
  };
}

/**
 * What an attention figure draws.
 * @returns {{queries, keys, heads: {rows, columns, values}[]}} labels and groups
 *   of both sides, and the weights of each head
 */
export function attentionView(trace, id, layer, units) {
  const { queries, keys } = attentionOf(id);
  const rows = unitsOf(sideTokens(trace, queries), units);
  const columns = unitsOf(sideTokens(trace, keys), units);
  const name = `${attentionPath(id, layer)}/weights`;
  const heads = Array.from({ length: trace.model.num_heads }, (_, head) => {
    const weights = matrix(trace, name, head);
    return units === "pieces"
      ? weights
      : weightsOfGroups(weights, rows.groups, columns.groups);
  });
  return { queries: rows, keys: columns, heads };
}

/** The index of the group that has a token. */
export function groupWith(groups, index) {
  return Math.max(
    0,
    groups.findIndex((group) => group.includes(index)),
  );
}

/**
 * The two pieces of two words with the largest weight: row and column. Only
 * between pieces is a weight computed.
 */
export function strongestPieces(weights, rows, columns) {
  let best = [rows[0], columns[0]];
  const weightAt = ([row, column]) =>
    weights.values[row * weights.columns + column];
  for (const row of rows) {
    for (const column of columns) {
      if (weightAt([row, column]) > weightAt(best)) best = [row, column];
    }
  }
  return best;
}
