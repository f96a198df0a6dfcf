// The steps of the decoder, which the page and the tab of TensorBoard share.

import { Bars } from "../figures/bars.js";
import { Choice, Select, Slider } from "../figures/controls.js";
import { Figure } from "../figures/figure.js";
import { TokenRow } from "../figures/token_row.js";
import { html, memo, useMemo } from "../library.js";
import { number } from "../numbers.js";
import { reshape } from "../softmax.js";
import { Token } from "../token_text.js";
import { attentionView } from "../words.js";

const MOST_BARS = 10;
const MOST_KEYS = 24;

/**
 * A step that can be chosen, with its attentions and the next token.
 * @param {number} step counted from 0
 * @param {number[]} prefix ids that the reader chose
 * @param {boolean} isLive whether another token can be written
 */
export function DecodingSteps(properties) {
  const { trace, step, prefix, dispatch } = properties;
  const { tokens, input_tokens: inputs } = trace.target;
  const count = tokens.length;
  return html`<${Slider} label="Step" min=${1} max=${count} step=${1} value=${step + 1}
      text=${`${step + 1} of ${count}`}
      onValue=${(value, how) => dispatch({ step: value - 1 }, how)} />
    <${TokenRow} tokens=${tokens} chosen=${step} label="The target; a step writes one token"
      classOf=${(index) => `${index > step ? "later" : ""}${index < prefix.length ? " forced" : ""}`}
      onToken=${(index, how) => dispatch({ step: index }, how)} />
    <p>This step reads <${Token} token=${inputs[step]} length=${24} marked=${false} /> and writes
      ${" "}<b><${Token} token=${tokens[step]} length=${24} marked=${false} /></b>.
      ${
        prefix.length > 0 &&
        html` The first ${prefix.length} tokens are those you chose.
        ${" "}<button type="button" onClick=${() => dispatch({ prefix: [] })}>
          Back to the model's own translation</button>`
      }</p>
    <${LooksAt} ...${properties} />
    <${NextToken} ...${properties} />`;
}

/** The weights of both attentions at this step. */
const LooksAt = memo(function LooksAt(properties) {
  const { trace, step, stepLayer, stepHead, units, dispatch } = properties;
  const { num_decoder_layers, num_heads } = trace.model;
  const items = useMemo(
    () =>
      ["cross", "decoder"].map((attention) =>
        weightsAt(
          attentionView(trace, attention, stepLayer, units),
          step,
          stepHead,
          attention === "decoder",
        ),
      ),
    [trace, step, stepLayer, stepHead, units],
  );
  const layers = Array.from({ length: num_decoder_layers }, (_, index) => [
    index + 1,
    String(index + 1),
  ]);
  const heads = Array.from({ length: num_heads }, (_, head) => [
    head,
    `Head ${head + 1}`,
  ]);
  return html`<div class="controls">
      <${Choice} label="Layer of both attentions" value=${stepLayer} options=${layers}
        onValue=${(value) => dispatch({ stepLayer: value })} />
      <${Select} label="Head of both attentions" value=${stepHead} options=${[[-1, "Mean of all"], ...heads]}
        onValue=${(value) => dispatch({ stepHead: value })} />
    </div>
    <div class="side-by-side">
      ${[
        [
          "looks-at-source",
          "What the step looks at in the source: encoder–decoder attention.",
        ],
        [
          "looks-at-target",
          "What it looks at in what it has read: self-attention.",
        ],
      ].map(
        ([name, caption], index) =>
          html`<${Figure} name=${name} caption=${caption}
            draw=${(width) =>
              html`<${Bars} items=${items[index]} width=${width} label=${caption} />`} />`,
      )}
    </div>`;
});

/** One row of an attention, of one head or of the mean of all. */
function weightsAt(view, step, head, isCausal) {
  const row = Math.max(
    0,
    view.queries.groups.findIndex((group) => group.includes(step)),
  );
  const maps = head < 0 ? view.heads : [view.heads[head]];
  const items = view.keys.labels.map((token, key) => ({
    token,
    value:
      maps.reduce((sum, map) => sum + map.values[row * map.columns + key], 0) /
      maps.length,
    key,
  }));
  const allowed = isCausal ? items.slice(0, row + 1) : items;
  if (allowed.length <= MOST_KEYS) return allowed;
  const kept = [...allowed]
    .sort((a, b) => b.value - a.value)
    .slice(0, MOST_KEYS);
  const rest = 1 - kept.reduce((sum, each) => sum + each.value, 0);
  return [
    ...kept.sort((a, b) => a.key - b.key),
    {
      token: `${allowed.length - MOST_KEYS} others`,
      value: Math.max(0, rest),
      isRest: true,
    },
  ];
}

/** The softmax over the vocabulary, and the controls that reshape it. */
const NextToken = memo(function NextToken(properties) {
  const { trace, step, temperature, topK, topP, isLive, dispatch } = properties;
  const candidates = trace.steps[step];
  const shaped = useMemo(
    () =>
      reshape(candidates, {
        ...{ temperature, topK, topP },
        vocabularySize: trace.model.vocabulary_size,
      }),
    [candidates, temperature, topK, topP],
  );
  const items = useMemo(
    () => itemsOf(candidates, shaped, trace.model.vocabulary_size),
    [candidates, shaped],
  );
  const written = candidates.ids.indexOf(trace.target.ids[step]);
  const choose = ({ id }) =>
    dispatch({ prefix: [...trace.target.ids.slice(0, step), id] });
  return html`<h3>The next token</h3>
    <div class="controls sliders">
      <${Slider} label="Temperature" min=${0.1} max=${3} step=${0.1} value=${temperature}
        text=${number(temperature, 1)}
        onValue=${(value, how) => dispatch({ temperature: value }, how)} />
      <${Slider} label="Top-k" min=${0} max=${20} step=${1} value=${topK}
        text=${topK === 0 ? "all" : topK}
        onValue=${(value, how) => dispatch({ topK: value }, how)} />
      <${Slider} label="Top-p" min=${0.05} max=${1} step=${0.05} value=${topP}
        text=${topP === 1 ? "all" : number(topP)}
        onValue=${(value, how) => dispatch({ topP: value }, how)} />
      <button type="button" disabled=${temperature === 1 && topK === 0 && topP === 1}
        onClick=${() => dispatch({ temperature: 1, topK: 0, topP: 1 })}>Reset</button>
    </div>
    <${Figure}
      name="next-token"
      caption=${`Probability of the next token; the wide pale bar is the model's own, the logit is at the right. ${isLive ? "A press on a token writes it at this step, and the rest is translated from there." : ""}`}
      draw=${(width) =>
        html`<${Bars} items=${items} width=${Math.min(width, 640)} label="Next token" chosen=${written}
          onItem=${isLive ? choose : null} />`}
    />`;
});

function itemsOf(candidates, shaped, vocabularySize) {
  const items = candidates.tokens.slice(0, MOST_BARS).map((token, index) => ({
    token,
    id: candidates.ids[index],
    value: shaped.shaped[index],
    before: shaped.base[index],
    note: number(candidates.logits[index]),
  }));
  const total = (name) =>
    Math.max(0, 1 - items.reduce((sum, each) => sum + each[name], 0));
  const others = vocabularySize - items.length;
  if (others > 0) {
    items.push({
      token: `${others} others`,
      value: total("value"),
      before: total("before"),
      isRest: true,
    });
  }
  return items;
}
