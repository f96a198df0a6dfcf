// (4) Many heads: what each found, side by side, times one more matrix.

import { headColor } from "../colors.js";
import { Figure } from "../figures/figure.js";
import { Strips } from "../figures/strips.js";
import { TokenRow } from "../figures/token_row.js";
import { html, memo, useMemo } from "../library.js";
import {
  attentionOf,
  attentionPath,
  matrix,
  sideTokens,
  vector,
} from "../trace.js";
import { Section } from "./section.js";

export const ManyHeads = memo(function ManyHeads(properties) {
  const { trace, attention, layer, row, onRow } = properties;
  const { tokens } = sideTokens(trace, attentionOf(attention).queries);
  const blocks = useMemo(
    () => blocksOf(trace, attention, layer, tokens, row),
    [trace, attention, layer, row],
  );
  return html`<${Section}
    id="many-heads"
    paper="section 3.2.2"
    intro="Each head has its own matrices, so each can look for something else. Their results z are put side by side and multiplied by one more matrix, Wᴼ, which gives a vector of the model's size again."
  >
    <p class="muted">${attentionOf(attention).label}, layer ${layer}, as chosen above. Token:</p>
    <${TokenRow} tokens=${tokens} chosen=${row} label="Token whose heads are shown"
      onToken=${onRow} />
    <${Figure}
      name="many-heads"
      caption="The coloured lines above the strips mark the heads."
      draw=${(width) =>
        html`<${Strips} blocks=${blocks} width=${width} label="Heads and output"
          rowHeight=${tokens.length > 40 ? 8 : 16} />`}
    />
  <//>`;
});

function blocksOf(trace, attention, layer, tokens, row) {
  const path = attentionPath(attention, layer);
  const [heads, rows, size] = trace.arrays[`${path}/attended`].shape;
  const joined = new Float32Array(rows * heads * size);
  for (let each = 0; each < rows; each += 1) {
    for (let head = 0; head < heads; head += 1) {
      const z = vector(trace, `${path}/attended`, head, each);
      joined.set(z, (each * heads + head) * size);
    }
  }
  const bands = Array.from({ length: heads }, (_, head) => ({
    start: head * size,
    end: (head + 1) * size,
    color: headColor(head),
    name: `head ${head + 1}`,
  }));
  const output = matrix(trace, `${path}/outputs`);
  const columns = heads * size;
  const one = joined.subarray(row * columns, (row + 1) * columns);
  const oneOutput = output.values.subarray(
    row * output.columns,
    (row + 1) * output.columns,
  );
  const shared = { rowHeight: 26, rows: 1, labels: [tokens[row]], row: 0 };
  return [
    {
      ...shared,
      title: `z of ${heads} heads, side by side`,
      sign: "",
      values: one,
      columns,
      bands,
    },
    {
      ...shared,
      title: "Output",
      sign: "× Wᴼ =",
      values: oneOutput,
      columns: output.columns,
    },
    {
      title: "The same for all tokens: z",
      sign: "",
      labels: tokens,
      rows,
      columns,
      values: joined,
      bands,
      row,
    },
    { title: "Output", sign: "× Wᴼ =", labels: tokens, ...output, row },
  ];
}
