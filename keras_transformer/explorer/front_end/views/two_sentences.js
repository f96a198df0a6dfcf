// Two sentences beside each other: what differs in tokens, translation, weights.

import { align, compareWords } from "../alignment.js";
import { Figure } from "../figures/figure.js";
import { HeatMap } from "../figures/heat_map.js";
import { Scrolled } from "../figures/scrolled.js";
import { Strips } from "../figures/strips.js";
import { Tokens } from "../figures/token_row.js";
import { html, memo, useMemo } from "../library.js";
import { largest, number } from "../numbers.js";
import { plain, Token, visible } from "../token_text.js";
import { attentionPath, matrix } from "../trace.js";
import { attentionView, groupWith, strongestPieces } from "../words.js";
import { calculate } from "./calculation.js";
import { Section } from "./section.js";

const MOST_MARKED = 5;

export const TwoSentences = memo(function TwoSentences(properties) {
  const { traces, errors } = properties;
  const isReady = traces[0] && traces[1];
  return html`<${Section}
    id="two-sentences"
    intro="One word can change what another word means: a tired animal did not cross, or a wide street was not crossed. Here both sentences go through the model, and what differs is marked."
  >
    ${
      !isReady &&
      !errors.some(Boolean) &&
      html`<p class="note">There is no second sentence to compare with.</p>`
    }
    ${errors.map((error) => error && html`<p class="error" role="alert">${error}</p>`)}
    ${isReady && html`<${Comparison} ...${properties} />`}
  <//>`;
});

function Comparison(properties) {
  const { traces, attention, layer, head, units, cell, shown, dispatch } =
    properties;
  const views = useMemo(
    () => traces.map((trace) => attentionView(trace, attention, layer, units)),
    [traces[0], traces[1], attention, layer, units],
  );
  const difference = useMemo(
    () =>
      differenceOf(views.map((view) => ({ ...view, map: view.heads[head] }))),
    [views, head],
  );
  const { map, queries, keys, marked } = difference;
  const side = shown === 0 ? "first" : "second";
  const view = views[shown];
  const shownCell = [
    indexOf(queries.pairs, side, groupWith(view.queries.groups, cell[0])),
    indexOf(keys.pairs, side, groupWith(view.keys.groups, cell[1])),
  ];
  const choose = ([row, column], how) =>
    dispatch(
      {
        cell: strongestPieces(
          weightsOf(traces[shown], attention, layer, head),
          view.queries.groups[queries.pairs[row][side]],
          view.keys.groups[keys.pairs[column][side]],
        ),
      },
      how,
    );
  return html`
    <${Texts} traces=${traces} />
    ${
      map.rows > 0 &&
      map.columns > 0 &&
      html`<div class="pair">
      <${Figure}
        name="attention-difference"
        caption=${`Weights of the second sentence minus those of the first, head ${head + 1} of the layer chosen above. The ${marked.length} largest differences have a frame.`}
        draw=${(width) =>
          html`<${HeatMap} map=${map} queries=${queries.labels} keys=${keys.labels}
            width=${width} kind="signed" most=${Math.max(0.05, largest(map.values))}
            label="Difference of attention" cell=${shownCell} onCell=${choose}
            marked=${marked}
            different=${(which, index) => !(which === "queries" ? queries : keys).pairs[index].same} />`}
      >
        <${Largest} difference=${difference} />
      <//>
      <${Cell} ...${{ traces, attention, layer, head, views, queries, keys }}
        cell=${shownCell} /></div>`
    }`;
}

function weightsOf(trace, attention, layer, head) {
  return matrix(trace, `${attentionPath(attention, layer)}/weights`, head);
}

/** Which of the aligned pairs has this index; the first, if none has. */
function indexOf(pairs, side, index) {
  return Math.max(
    0,
    pairs.findIndex((pair) => pair[side] === index),
  );
}

/** Pairs that both sentences have, with labels such as tired/wide. */
function pairsOf(first, second) {
  const pairs = align(first, second).filter(
    (pair) => pair.first !== null && pair.second !== null,
  );
  const labels = pairs.map((pair) =>
    pair.same
      ? first[pair.first]
      : `${plain(first[pair.first], 12)}/${plain(second[pair.second], 12)}`,
  );
  return { pairs, labels };
}

/** Second minus first, of the tokens that correspond. */
function differenceOf([first, second]) {
  const queries = pairsOf(first.queries.labels, second.queries.labels);
  const keys = pairsOf(first.keys.labels, second.keys.labels);
  const rows = queries.pairs.length;
  const columns = keys.pairs.length;
  const values = new Float32Array(rows * columns);
  queries.pairs.forEach((query, row) => {
    keys.pairs.forEach((key, column) => {
      values[row * columns + column] =
        second.map.values[query.second * second.map.columns + key.second] -
        first.map.values[query.first * first.map.columns + key.first];
    });
  });
  const order = Array.from(values.keys()).sort(
    (a, b) => Math.abs(values[b]) - Math.abs(values[a]),
  );
  const marked = order
    .slice(0, MOST_MARKED)
    .filter((index) => values[index] !== 0)
    .map((index) => [Math.floor(index / columns), index % columns]);
  return { map: { rows, columns, values }, queries, keys, marked };
}

/** Tokens and translations, with what only one of the two has. */
function Texts({ traces }) {
  const sources = align(traces[0].source.tokens, traces[1].source.tokens);
  const words = compareWords(traces[0].target.text, traces[1].target.text);
  return html`<div class="side-by-side">
    ${["first", "second"].map((side, index) => {
      const same = new Set(
        sources.filter((pair) => pair.same).map((pair) => pair[side]),
      );
      return html`<div>
        <h3>${index === 0 ? "First" : "Second"} sentence</h3>
        <${Tokens} tokens=${traces[index].source.tokens}
          classOf=${(token) => (same.has(token) ? "" : "differs")} />
        <${MarkedText} words=${words[index]} />
      </div>`;
    })}
  </div>`;
}

/** A translation, in which words that another one does not have are marked. */
export function MarkedText({ words }) {
  return html`<p class="target-text" dir="auto">
    ${words.map(({ word, same }) =>
      same ? `${visible(word)} ` : [html`<mark>${visible(word)}</mark>`, " "],
    )}
  </p>`;
}

function Largest({ difference }) {
  const { map, queries, keys, marked } = difference;
  return html`<ol class="largest">
    ${marked.map(
      ([row, column]) => html`<li>
        <${Token} token=${queries.labels[row]} length=${26} marked=${false} /> →
        ${" "}<${Token} token=${keys.labels[column]} length=${26} marked=${false} />:
        ${" "}<b>${signed(map.values[row * map.columns + column])}</b></li>`,
    )}
  </ol>`;
}

function signed(value, digits = 2) {
  return value > 0 ? `+${number(value, digits)}` : number(value, digits);
}

/** Query, key and numbers of the chosen cell, in both sentences. */
function Cell({ traces, attention, layer, head, views, queries, keys, cell }) {
  const query = queries.pairs[cell[0]];
  const key = keys.pairs[cell[1]];
  const calculations = useMemo(
    () =>
      ["first", "second"].map((side, index) =>
        calculate(
          traces[index],
          attention,
          layer,
          head,
          strongestPieces(
            weightsOf(traces[index], attention, layer, head),
            views[index].queries.groups[query[side]],
            views[index].keys.groups[key[side]],
          ),
        ),
      ),
    [traces[0], traces[1], attention, layer, head, views, cell[0], cell[1]],
  );
  const blocks = useMemo(() => stripsOf(calculations), [calculations]);
  const rows = [
    ["query · key", "product", 2],
    ["divided by √d", "scaled", 2],
    ["logit", "logit", 2],
    ["weight", "weight", 3],
  ];
  return html`<div><h3>The chosen cell: <${Token} token=${queries.labels[cell[0]]} length=${26} marked=${false} />
      ${" "}→ <${Token} token=${keys.labels[cell[1]]} length=${26} marked=${false} /></h3>
    <${Scrolled} label="Numbers of the chosen cell">
    <table class="numbers">
      <thead><tr><td></td><th scope="col">first</th><th scope="col">second</th>
        <th scope="col">difference</th></tr></thead>
      <tbody>${rows.map(([title, name, digits]) => {
        const [a, b] = calculations.map((each) => each[name]);
        return html`<tr><th scope="row">${title}</th><td>${number(a, digits)}</td>
          <td>${number(b, digits)}</td><td><b>${signed(b - a, digits)}</b></td></tr>`;
      })}</tbody>
    </table><//>
    <${Figure}
      name="two-queries-and-keys"
      caption="Query and key of the chosen cell in both sentences, and their difference."
      draw=${(width) =>
        html`<${Strips} blocks=${blocks} width=${width} label="Queries and keys" rowHeight=${20} />`}
    /></div>`;
}

function stripsOf([first, second]) {
  return [
    ["q", "Query"],
    ["k", "Key"],
  ].map(([name, title]) => {
    const columns = first[name].length;
    const values = new Float32Array(3 * columns);
    values.set(first[name]);
    values.set(second[name], columns);
    values.set(
      second[name].map((each, index) => each - first[name][index]),
      2 * columns,
    );
    const labels = ["first", "second", "difference"];
    return { title, sign: "", labels, rows: 3, columns, values };
  });
}
