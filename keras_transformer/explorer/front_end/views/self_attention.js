// (3) Self-attention: where each token looks, and the calculation of one weight.

import { html, memo } from "../library.js";
import { HeadSelect, HeadsChoice, LayerChoice } from "./attention_choice.js";
import { AttentionPair } from "./attention_pair.js";
import { Calculation } from "./calculation.js";
import { FoundHeads } from "./found_heads.js";
import { Section } from "./section.js";

export const SelfAttention = memo(function SelfAttention(properties) {
  const {
    trace,
    attention,
    layer,
    heads,
    head,
    cell,
    units,
    found,
    shown,
    dispatch,
  } = properties;
  return html`<${Section}
    id="self-attention"
    paper="section 3.2.1"
    intro="When the model encodes “it”, self-attention lets it look at the other words. Each query is compared with every key; the softmax of the scores says how much of each value is taken. Point at a token on the left, or move with the arrow keys, to see where it looks."
  >
    <div class="controls">
      <${LayerChoice} ...${{ trace, attention, layer, dispatch }} />
      <${HeadsChoice} count=${trace.model.num_heads} ...${{ heads, dispatch }} />
    </div>
    ${found?.length > 0 && html`<${FoundHeads} ...${{ found, shown, dispatch }} />`}
    <${AttentionPair} ...${{ trace, attention, layer, heads, head, cell, units, dispatch }}
      hint="A press on a cell shows its calculation.">
      <div class="controls"><${HeadSelect} ...${{ heads, head, dispatch }} /></div>
    <//>
    <${Calculation} ...${{ trace, attention, layer, head, cell, units }} />
  <//>`;
});
