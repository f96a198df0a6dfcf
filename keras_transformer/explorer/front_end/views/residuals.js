// (5) Residuals and norm: a vector before and after each sublayer.

import { Choice } from "../figures/controls.js";
import { Figure } from "../figures/figure.js";
import { Strips } from "../figures/strips.js";
import { TokenRow } from "../figures/token_row.js";
import { html, memo, useMemo } from "../library.js";
import { attentionOf, sideTokens, vector } from "../trace.js";
import { Section } from "./section.js";

const NAMES = {
  attention: "self-attention",
  self_attention: "self-attention",
  cross_attention: "encoder–decoder attention",
  feed_forward: "feed-forward network",
};
const SUBLAYERS = {
  encoder: ["attention", "feed_forward"],
  decoder: ["self_attention", "cross_attention", "feed_forward"],
};

export const Residuals = memo(function Residuals(properties) {
  const { trace, attention, layer, row, onRow, dispatch } = properties;
  const { stack, queries } = attentionOf(attention);
  const { tokens } = sideTokens(trace, queries);
  const figures = useMemo(
    () => sublayersOf(trace, stack, layer, row),
    [trace, stack, layer, row],
  );
  const isPre = trace.model.normalization === "pre";
  const chooseStack = (value) => dispatch({ attention: value, layer: 0 });
  return html`<${Section}
    id="residuals"
    paper="sections 3.1 and 5.4"
    intro=${`Around each sublayer there is a residual connection: what the sublayer computes is added to what it read. This model normalizes ${isPre ? "before each sublayer, and the sum passes on as it is" : "after each sum"}.`}
  >
    <div class="controls">
      <${Choice} label="Stack" value=${stack} onValue=${(value) =>
        chooseStack(value === "encoder" ? "encoder" : "decoder")}
        options=${[["encoder", "Encoder"], ["decoder", "Decoder"]]} />
      <${Choice} label="Block" value=${layer}
        onValue=${(value) => dispatch({ layer: value })}
        options=${Array.from({ length: trace.model[`num_${stack}_layers`] }, (_, index) => [index + 1, String(index + 1)])} />
    </div>
    <${TokenRow} tokens=${tokens} chosen=${row} label="Token whose vector is shown"
      onToken=${onRow} />
    ${figures.map(
      ({ name, blocks }) =>
        html`<${Figure} key=${name}
          name=${`residual-${name.replace("_", "-")}`}
          caption=${`Around the ${NAMES[name]}.`}
          draw=${(width) =>
            html`<${Strips} blocks=${blocks} width=${width} rowHeight=${20}
              label=${`Vectors around the ${NAMES[name]}`} />`}
        />`,
    )}
  <//>`;
});

/** What enters the first block of a stack, or the block before. */
function inputName(stack, layer) {
  if (layer > 1) return `${stack}/block_${layer - 1}/feed_forward_residual`;
  return stack === "encoder" ? "source/inputs" : "target/inputs";
}

function sublayersOf(trace, stack, layer, row) {
  let before = inputName(stack, layer);
  return SUBLAYERS[stack].map((name) => {
    const path = `${stack}/block_${layer}/${name}`;
    const result = { name, blocks: blocksOf(trace, path, before, row) };
    before = `${path}_residual`;
    return result;
  });
}

function blocksOf(trace, path, beforeName, row) {
  const at = (name) => vector(trace, name, row);
  const block = (title, sign, values, scale) => ({
    title,
    sign,
    values,
    rows: 1,
    columns: values.length,
    labels: [],
    scale,
  });
  const before = at(beforeName);
  const outputs = at(`${path}/outputs`);
  const after = at(`${path}_residual`);
  if (trace.model.normalization === "pre") {
    return [
      block("x, before", "", before),
      block("norm(x), what the sublayer reads", "norm", at(`${path}/inputs`)),
      block("output of the sublayer", "", outputs),
      block("x + output, after", "x +", after),
    ];
  }
  const sum = before.map((each, index) => each + outputs[index]);
  return [
    block("x, before", "", before),
    block("output of the sublayer", "+", outputs),
    block("their sum", "=", sum),
    block("norm(sum), after", "norm", after),
  ];
}
