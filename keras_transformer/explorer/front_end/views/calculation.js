// The calculation of one weight and of one sum, with the model's numbers.

import { CalculationFigure } from "../figures/calculation_figure.js";
import { Figure } from "../figures/figure.js";
import { html, useMemo } from "../library.js";
import { number } from "../numbers.js";
import { plain, Token } from "../token_text.js";
import {
  attentionOf,
  attentionPath,
  keyValueHead,
  matrix,
  sideTokens,
  vector,
} from "../trace.js";

/**
 * The numbers of one cell.
 * @returns {object} q, k, v (K), product, scaled, extra, logit, weight, the row's
 *   weights (S), values (S, K), weighted sum z (K)
 */
export function calculate(trace, attention, layer, head, [row, column]) {
  const path = attentionPath(attention, layer);
  const shared = keyValueHead(trace, head);
  const q = vector(trace, `${path}/query`, head, row);
  const k = vector(trace, `${path}/key`, shared, column);
  const weights = vector(trace, `${path}/weights`, head, row);
  const logits = vector(trace, `${path}/logits`, head, row);
  const values = matrix(trace, `${path}/value`, shared);
  const z = vector(trace, `${path}/attended`, head, row);
  const products = q.map((each, index) => each * k[index]);
  const product = products.reduce((sum, each) => sum + each, 0);
  const scaled = product / Math.sqrt(q.length);
  const extra = logits[column] - scaled;
  const sum = new Float32Array(z.length);
  weights.forEach((weight, key) => {
    sum.forEach((_, index) => {
      sum[index] += weight * values.values[key * values.columns + index];
    });
  });
  return {
    ...{ q, k, products, product, scaled, logits, weights, values, z, sum },
    extra: Math.abs(extra) > 1e-3 * (1 + Math.abs(scaled)) ? extra : 0,
    logit: logits[column],
    weight: weights[column],
  };
}

export function Calculation({ trace, attention, layer, head, cell, units }) {
  const { queries, keys } = attentionOf(attention);
  const query = sideTokens(trace, queries).tokens[cell[0]];
  const { tokens } = sideTokens(trace, keys);
  const numbers = useMemo(
    () => calculate(trace, attention, layer, head, cell),
    [trace, attention, layer, head, cell],
  );
  const isMasked =
    numbers.weight === 0 && attention === "decoder" && cell[1] > cell[0];
  return html`<div class="calculation">
    <h3>How <${Token} token=${query} length=${24} marked=${false} /> looks at
      ${" "}<${Token} token=${tokens[cell[1]]} length=${24} marked=${false} />, head ${head + 1}</h3>
    ${
      units === "words" &&
      html`<p class="note">A weight is computed between pieces. This is the
      calculation of the two pieces of these words with the largest weight.</p>`
    }
    ${
      queries === "target" &&
      html`<p class="note">The decoder's query is the token that it reads. This
      step writes <b><${Token} token=${trace.target.tokens[cell[0]]} length=${24} marked=${false} /></b>.</p>`
    }
    <div class="pair">
    <div>
    <${Steps} ...${{ numbers, isMasked }} />
    <${AllNumbers} numbers=${numbers} />
    </div>
    <${Figure}
      name="calculation"
      caption="Query times key, number by number; then the softmax over all keys, and the values that it weighs. A value is drawn as strongly as its weight."
      draw=${(width) =>
        html`<${CalculationFigure} numbers=${numbers} tokens=${tokens}
          column=${cell[1]} width=${width}
          label=${`Calculation of ${plain(query, 20)} to ${plain(tokens[cell[1]], 20)}`} />`}
    />
    </div>
  </div>`;
}

function Steps({ numbers, isMasked }) {
  const { product, scaled, extra, logit, weight, q } = numbers;
  return html`<ol class="steps">
    <li><span>query · key</span><b>${number(product)}</b></li>
    <li><span>divided by √${q.length} = ${number(Math.sqrt(q.length))}</span><b>${number(scaled)}</b></li>
    ${
      extra !== 0 &&
      html`<li><span>with the term of the relative position, ${number(extra)}</span><b>${number(logit)}</b></li>`
    }
    <li><span>${isMasked ? "masked: a later position" : "softmax over the row"}</span><b>${number(weight, 3)}</b></li>
    <li><span>times the value, and summed over all keys</span><b>z</b></li>
  </ol>`;
}

function AllNumbers({ numbers }) {
  const { q, k, products, z } = numbers;
  return html`<details class="all-numbers"><summary>All ${q.length} numbers</summary>
    <div class="scroll" tabindex="0" role="group" aria-label="All numbers"><table>
      <thead><tr><th scope="col">dimension</th><th scope="col">query</th>
        <th scope="col">key</th><th scope="col">product</th><th scope="col">z</th></tr></thead>
      <tbody>${Array.from(
        q,
        (_, index) =>
          html`<tr><th scope="row">${index + 1}</th><td>${number(q[index], 3)}</td>
            <td>${number(k[index], 3)}</td><td>${number(products[index], 3)}</td>
            <td>${number(z[index], 3)}</td></tr>`,
      )}</tbody>
    </table></div>
  </details>`;
}
