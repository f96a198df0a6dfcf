// (8) Attribution beside attention: what a target token depends on.

import { Select } from "../figures/controls.js";
import { Figure } from "../figures/figure.js";
import { HeatMap } from "../figures/heat_map.js";
import { html, memo, useMemo } from "../library.js";
import { largest } from "../numbers.js";
import {
  attentionView,
  groupWith,
  unitsOf,
  weightsOfGroups,
} from "../words.js";
import { Section } from "./section.js";

const METHODS = {
  integrated_gradients: "integrated gradients (Sundararajan et al. 2017)",
  input_x_gradient: "input times gradient",
};

export const Attribution = memo(function Attribution(properties) {
  const { trace } = properties;
  return html`<${Section}
    id="attribution"
    intro="Attention says where a head looks, not what the output depends on. Attribution asks by the gradient how much each source token contributes to the log-probability of each target token; a negative number speaks against it."
  >
    ${
      trace.attribution
        ? html`<${Maps} ...${properties} />`
        : html`<p class="needs-model">No attribution was recorded for this sentence. It
          needs gradients, so it is computed when the page is written.</p>`
    }
  <//>`;
});

function Maps({ trace, stepLayer, stepHead, step, cell, units, dispatch }) {
  const { method, scores } = trace.attribution;
  const maps = useMemo(
    () => mapsOf(trace, stepLayer, stepHead, units),
    [trace, stepLayer, stepHead, units],
  );
  const { queries, keys, attribution, attention } = maps;
  const place = [groupWith(queries.groups, step), groupWith(keys.groups, cell)];
  const choose = ([row, column], how) =>
    dispatch(
      { step: queries.groups[row][0], source: keys.groups[column][0] },
      how,
    );
  const shared = {
    queries: queries.labels,
    keys: keys.labels,
    cell: place,
    onCell: choose,
  };
  const heads = Array.from({ length: trace.model.num_heads }, (_, head) => [
    head,
    `Head ${head + 1}`,
  ]);
  return html`<div class="controls">
      <${Select} label="Head of the attention beside it" value=${stepHead} options=${[[-1, "Mean of all"], ...heads]}
        onValue=${(value) => dispatch({ stepHead: value })} />
    </div>
    <div class="side-by-side">
      <${Figure} name="attribution"
        caption=${`Attribution of each token that is written (rows) to the source tokens, by ${METHODS[method] ?? method}.`}
        draw=${(width) =>
          html`<${HeatMap} ...${shared} map=${attribution} width=${width} kind="signed"
            most=${largest(scores.values)} label="Attribution" />`} />
      <${Figure} name="attention-beside"
        caption=${`Encoder–decoder attention of the same steps, layer ${stepLayer}.`}
        draw=${(width) =>
          html`<${HeatMap} ...${shared} map=${attention} width=${width} kind="weights"
            most=${1} label="Encoder–decoder attention" />`} />
    </div>`;
}

/** Both matrices with the same labels: the tokens that the steps write. */
function mapsOf(trace, layer, head, units) {
  const queries = unitsOf(trace.target, units);
  const keys = unitsOf(trace.source, units);
  const { shape, values } = trace.attribution.scores;
  const grouped = (matrix) =>
    weightsOfGroups(matrix, queries.groups, keys.groups);
  const { heads } = attentionView(trace, "cross", layer, "pieces");
  const chosen = head < 0 ? heads : [heads[head]];
  const mean = new Float32Array(values.length);
  for (const map of chosen) {
    map.values.forEach((weight, index) => {
      mean[index] += weight / chosen.length;
    });
  }
  const [rows, columns] = shape;
  return {
    ...{ queries, keys },
    attribution: grouped({ rows, columns, values }),
    attention: grouped({ rows, columns, values: mean }),
  };
}
