// (2) Tokens become vectors, and positions are added to them.

import { Choice } from "../figures/controls.js";
import { Figure } from "../figures/figure.js";
import { Strips } from "../figures/strips.js";
import { html, memo, useMemo } from "../library.js";
import { matrix, sideTokens } from "../trace.js";
import { Section } from "./section.js";

const WHY_NONE = {
  rotary:
    "This model has rotary positions: it adds nothing here, and turns queries and keys in each attention instead.",
  relative:
    "This model has relative positions: it adds nothing here, and adds a term to the scores of each attention instead.",
};

export const Embeddings = memo(function Embeddings({ trace, side, dispatch }) {
  const { tokens } = sideTokens(trace, side);
  const hasPositions = `${side}/positions` in trace.arrays;
  const strips = useMemo(() => stripsOf(trace, side, tokens), [trace, side]);
  const positions = useMemo(
    () => hasPositions && [positionsOf(trace, side)],
    [trace, side],
  );
  return html`<${Section}
    id="embeddings"
    paper="sections 3.4 and 3.5"
    intro="The text is cut into tokens, and each token becomes a vector, its embedding. A vector that depends on the position is added, so that the model knows the order. Blue numbers are positive, orange ones negative; the stronger the colour, the larger the number."
  >
    <${Choice} label="Tokens of" value=${side}
      options=${[["source", "the source"], ["target", "the target, as the decoder reads it"]]}
      onValue=${(value) => dispatch({ side: value })} />
    <${Figure}
      name="embeddings"
      caption="One strip a token: embedding, position, and their sum, the input of the first block."
      draw=${(width) =>
        html`<${Strips} blocks=${strips} width=${width} label="Vectors of the tokens"
          rowHeight=${tokens.length > 40 ? 8 : 16} />`}
    />
    ${
      hasPositions
        ? html`<${Figure}
          name="positions"
          caption="The positional encoding as one matrix: a row for each position, a column for each dimension."
          draw=${(width) =>
            html`<${Strips} blocks=${positions} width=${width}
              label="Positional encoding" rowHeight=${tokens.length > 40 ? 4 : 8} />`}
        />`
        : html`<p class="note">${
            WHY_NONE[trace.model.attention_positions] ??
            "This model has no positions here."
          }</p>`
    }
  <//>`;
});

/** The vectors of all tokens: embedding, position and sum. */
function stripsOf(trace, side, tokens) {
  const block = (name, title, sign) => ({
    title,
    sign,
    labels: tokens,
    ...matrix(trace, `${side}/${name}`),
  });
  if (!(`${side}/positions` in trace.arrays)) {
    return [block("inputs", "Embedding, the input of the first block", "")];
  }
  return [
    block("embeddings", "Embedding", ""),
    block("positions", "Position", "+"),
    block("inputs", "Input of the first block", "="),
  ];
}

/** The positional encoding alone; its rows have numbers, not tokens. */
function positionsOf(trace, side) {
  const encoding = matrix(trace, `${side}/positions`);
  const labels = Array.from({ length: encoding.rows }, (_, row) => String(row));
  return { title: "Dimension 0 at the left", sign: "", labels, ...encoding };
}
