// (3) Self-attention: where each token looks, and the calculation of one weight.

import { headColor } from "../colors.js";
import { Figure } from "../figures/figure.js";
import { HeatMap } from "../figures/heat_map.js";
import { AttentionLines } from "../figures/lines.js";
import { html, memo, useMemo } from "../library.js";
import { number } from "../numbers.js";
import { visible } from "../token_text.js";
import { attentionOf, attentionPath, matrix, readPath } from "../trace.js";
import { attentionView, groupWith, strongestPieces } from "../words.js";
import { HeadSelect, HeadsChoice, LayerChoice } from "./attention_choice.js";
import { Calculation } from "./calculation.js";
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
  const view = useMemo(
    () => attentionView(trace, attention, layer, units),
    [trace, attention, layer, units],
  );
  // The state has the cell of a token; the figures may have words.
  const shownCell = [
    groupWith(view.queries.groups, cell[0]),
    groupWith(view.keys.groups, cell[1]),
  ];
  const choose = ([row, column], how) => {
    const weights = matrix(
      trace,
      `${attentionPath(attention, layer)}/weights`,
      head,
    );
    const rows = view.queries.groups[row];
    const next = strongestPieces(weights, rows, view.keys.groups[column]);
    dispatch({ cell: next }, how);
  };
  const label = `Attention of layer ${layer}`;
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
    <div class="pair">
    <div>
    <${Figure}
      name="attention-lines"
      caption="Left the queries, right the keys. The thicker a line, the larger the weight; each head has its colour."
      draw=${(width) =>
        html`<${AttentionLines} view=${view} heads=${heads} width=${Math.min(width, 640)}
          label=${label} row=${shownCell[0]}
          onRow=${(row, how) => choose([row, strongest(view.heads[head], row)], how)} />`}
    />
    </div>
    <div>
    <${Figure}
      name="attention-map"
      caption=${`The same as a heat map, for head ${head + 1}. Each row sums to 1. A press on a cell shows its calculation.`}
      draw=${(width) =>
        html`<${HeatMap} map=${view.heads[head]} queries=${view.queries.labels}
          keys=${view.keys.labels} width=${width} kind="weights" most=${1}
          color=${headColor(head)} label=${`${label}, head ${head + 1}`}
          cell=${shownCell} onCell=${choose} />`}
    />
    <div class="controls"><${HeadSelect} ...${{ heads, head, dispatch }} /></div>
    </div>
    </div>
    <${Calculation} ...${{ trace, attention, layer, head, cell, units }} />
  <//>`;
});

function strongest({ columns, values }, row) {
  const weights = values.subarray(row * columns, (row + 1) * columns);
  return weights.indexOf(Math.max(...weights));
}

/** Heads that give most weight to what was asked for, and where. */
function FoundHeads({ found, shown, dispatch }) {
  return html`<h3>Heads with the largest weight</h3>
    <ul class="found-heads">
      ${found.slice(0, 5).map((each) => {
        const place = readPath(each.attention);
        const { label } = attentionOf(place.attention);
        const { head, weight, query, key, cells } = each;
        const choice = {
          ...place,
          head,
          heads: [head],
          cell: cells?.[shown] ?? [],
        };
        return html`<li><button type="button" onClick=${() => dispatch(choice)}>
          ${query && html`<b>${words(query)} → ${words(key)}</b> `}
          ${label} ${place.layer}, head ${head + 1}: ${number(weight)}</button></li>`;
      })}
    </ul>`;
}

/** The words of the sentences: it, or animal/street. */
function words(list) {
  return [...new Set(list)].map(visible).join("/");
}
