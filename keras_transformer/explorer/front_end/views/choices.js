// The state's choices as a trace has them, for the page and for the tab.

import { useMemo } from "../library.js";
import {
  attentionOf,
  attentionPath,
  existingLayer,
  matrix,
  sideTokens,
} from "../trace.js";
import { existingHeads } from "./attention_choice.js";

/** The state's choices, where it has none the default, all within the trace. */
export function useChoices(state, trace) {
  const attention = attentionOf(state.attention).id;
  const layer = existingLayer(trace, attention, state.layer);
  const heads = useMemo(
    () => existingHeads(trace, state.heads),
    [trace.model.num_heads, state.heads],
  );
  const head = heads.includes(state.head) ? state.head : heads[0];
  const cell = useMemo(
    () => existingCell(trace, attention, layer, head, state.cell),
    [
      trace,
      attention,
      state.cell,
      state.cell.length ? 0 : layer,
      state.cell.length ? 0 : head,
    ],
  );
  const within = (index, count) => Math.max(0, Math.min(count - 1, index));
  return {
    ...{ attention, layer, heads, head, cell },
    step: within(state.step, trace.target.tokens.length),
    source: within(state.source, trace.source.tokens.length),
    stepLayer: existingLayer(trace, "decoder", state.stepLayer),
    stepHead: state.stepHead < trace.model.num_heads ? state.stepHead : -1,
  };
}

/** The chosen cell; before any choice, "it" and what it looks at most. */
function existingCell(trace, attention, layer, head, cell) {
  const { queries } = attentionOf(attention);
  const { rows, columns, values } = matrix(
    trace,
    `${attentionPath(attention, layer)}/weights`,
    head,
  );
  if (cell.length === 2 && cell.every((each) => each >= 0)) {
    return [Math.min(rows - 1, cell[0]), Math.min(columns - 1, cell[1])];
  }
  const { tokens } = sideTokens(trace, queries);
  const pronoun = tokens.findIndex((each) =>
    /^\u2581?(it|il|elle)$/i.test(each),
  );
  const row = pronoun < 0 ? Math.floor(rows / 2) : pronoun;
  const weights = values.subarray(row * columns, (row + 1) * columns);
  return [row, weights.indexOf(Math.max(...weights))];
}
