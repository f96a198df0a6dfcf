// (8) Logit lens: what the output layer would say after each decoder block.

import { Scrolled } from "../figures/scrolled.js";
import { html, memo } from "../library.js";
import { percent } from "../numbers.js";
import { Token } from "../token_text.js";
import { Section } from "./section.js";

export const LogitLens = memo(function LogitLens({ trace, step, dispatch }) {
  const { tokens, ids } = trace.target;
  const layers = trace.lens.map((_, layer) => layer);
  return html`<${Section}
    id="logit-lens"
    intro="The output layer reads what the last decoder block writes. Here it also reads what the earlier blocks write: the table shows when the model decides for a token. The colour is the probability; a token that is not the one written in the end is marked."
  >
    <${Scrolled} tall label="Logit lens"><table class="lens">
      <caption class="visually-hidden">The most probable token after each decoder
        block, for each step</caption>
      <thead><tr><th scope="col">writes</th>
        ${layers.map((layer) => html`<th scope="col">block ${layer + 1}</th>`)}</tr></thead>
      <tbody>${tokens.map(
        (token, index) => html`<tr class=${index === step ? "current" : ""}>
          <th scope="row"><button type="button" class="plain"
            aria-pressed=${index === step}
            onClick=${() => dispatch({ step: index })}><${Token} token=${token} length=${14} /></button></th>
          ${layers.map((layer) => html`<${Cell} candidates=${trace.lens[layer][index]} written=${ids[index]} />`)}
        </tr>`,
      )}</tbody>
    </table><//>
  <//>`;
});

function Cell({ candidates, written }) {
  const { ids, tokens, logits, log_normalizer: normalizer } = candidates;
  const share = Math.exp(logits[0] - normalizer);
  const list = tokens
    .map(
      (token, index) =>
        `${token} ${percent(Math.exp(logits[index] - normalizer))}`,
    )
    .join("\n");
  const shade = Math.min(5, Math.floor(share * 6));
  return html`<td class=${`shade-${shade}${ids[0] === written ? "" : " differs"}`} title=${list}>
    <${Token} token=${tokens[0]} length=${12} /> <small>${percent(share)}</small></td>`;
}
