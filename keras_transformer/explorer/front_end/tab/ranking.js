// Finds the heads that look from one word to another.

import { matrix } from "../trace.js";
import { groupsOf } from "../words.js";

/** The words of a sentence and of its translation: {id, side, label, group}. */
export function wordsOf(trace) {
  const of = (side, { tokens, words }) =>
    groupsOf(words).map((group, index) => ({
      id: `${side}:${index}`,
      side,
      label: group
        .map((each) => tokens[each])
        .join("")
        .replace(/^\u2581(?=.)/, ""),
      group,
    }));
  return [...of("source", trace.source), ...of("target", trace.target)];
}

/**
 * The attention that has both words, with the rows and columns of their tokens;
 * null if there is none, since the source never looks at the translation.
 *
 * The row of a word of the translation is the step that writes it. The decoder
 * reads a token one step later, and does not read the last one.
 */
export function cellsOf(trace, from, to) {
  const rows = from.group;
  if (from.side === "source") {
    if (to.side !== "source") return null;
    return { stack: "encoder", sublayer: "attention", rows, columns: to.group };
  }
  if (to.side === "source") {
    const columns = to.group;
    return { stack: "decoder", sublayer: "cross_attention", rows, columns };
  }
  const count = trace.target.input_tokens.length;
  const columns = to.group.map((each) => each + 1).filter((i) => i < count);
  if (columns.length === 0) return null;
  return { stack: "decoder", sublayer: "self_attention", rows, columns };
}

/**
 * All heads with their weight from one word to another, the largest first.
 *
 * The weights of the tokens of `to` are added, and the mean is taken over the
 * tokens of `from`: as `kt.interpretation.find_heads` does.
 * @returns {{attention: string, head: number, weight: number, cells}[]}
 */
export function rankHeads(trace, from, to) {
  const cells = cellsOf(trace, from, to);
  if (!cells) return [];
  const { stack, sublayer, rows, columns } = cells;
  const layers = trace.model[`num_${stack}_layers`];
  const ranked = [];
  for (let layer = 1; layer <= layers; layer += 1) {
    const attention = `${stack}/block_${layer}/${sublayer}`;
    for (let head = 0; head < trace.model.num_heads; head += 1) {
      const weight = weightOf(trace, attention, head, rows, columns);
      const cell = [rows[0], columns[0]];
      ranked.push({ attention, head, weight, cells: [cell] });
    }
  }
  return ranked.sort((a, b) => b.weight - a.weight);
}

function weightOf(trace, attention, head, rows, columns) {
  const weights = matrix(trace, `${attention}/weights`, head);
  let sum = 0;
  for (const row of rows) {
    for (const column of columns) {
      sum += weights.values[row * weights.columns + column];
    }
  }
  return sum / rows.length;
}

/** The words that the finder opens with: a pronoun, and what it looks at most. */
export function firstWords(trace, words) {
  const sources = words.filter(({ side }) => side === "source");
  const from =
    sources.find(({ label }) => /^(it|he|she)$/i.test(label)) ?? sources[0];
  const weightOfBest = (to) => rankHeads(trace, from, to)[0]?.weight ?? 0;
  const others = sources.filter(
    (each) => each !== from && /\p{L}{2}/u.test(each.label),
  );
  const to = others.sort((a, b) => weightOfBest(b) - weightOfBest(a))[0];
  return { from, to: to ?? from };
}
