// Lines and a heat map of one attention, which the page and the tab share.

import { headColor } from "../colors.js";
import { Figure } from "../figures/figure.js";
import { HeatMap } from "../figures/heat_map.js";
import { AttentionLines } from "../figures/lines.js";
import { html, useMemo } from "../library.js";
import { attentionPath, matrix } from "../trace.js";
import { attentionView, groupWith, strongestPieces } from "../words.js";

const WIDEST = 640;

/**
 * @param {number[]} cell the row and column of the chosen tokens
 * @param {string} name added to the names of the saved figures
 * @param {string} hint what a press on a cell does
 * @param {object} children what stands below the heat map
 */
export function AttentionPair(properties) {
  const { trace, attention, layer, heads, head, cell, units } = properties;
  const { dispatch, name = "", hint = "", children } = properties;
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
  return html`<div class="pair">
    <div>
    <${Figure}
      name=${`attention-lines${name}`}
      caption="Left the queries, right the keys. The thicker a line, the larger the weight; each head has its colour."
      draw=${(width) =>
        html`<${AttentionLines} view=${view} heads=${heads} width=${Math.min(width, WIDEST)}
          label=${label} row=${shownCell[0]}
          onRow=${(row, how) => choose([row, strongest(view.heads[head], row)], how)} />`}
    />
    </div>
    <div>
    <${Figure}
      name=${`attention-map${name}`}
      caption=${`The same as a heat map, for head ${head + 1}. Each row sums to 1. ${hint}`}
      draw=${(width) =>
        html`<${HeatMap} map=${view.heads[head]} queries=${view.queries.labels}
          keys=${view.keys.labels} width=${width} kind="weights" most=${1}
          color=${headColor(head)} label=${`${label}, head ${head + 1}`}
          cell=${shownCell} onCell=${choose} />`}
    />
    ${children}
    </div>
  </div>`;
}

function strongest({ columns, values }, row) {
  const weights = values.subarray(row * columns, (row + 1) * columns);
  return weights.indexOf(Math.max(...weights));
}
