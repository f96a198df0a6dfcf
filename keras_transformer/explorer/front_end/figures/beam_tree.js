// The tree of a search. Arrow keys go from hypothesis to hypothesis.

import { html, useMemo, useState } from "../library.js";
import { number } from "../numbers.js";
import { plain, SvgToken } from "../token_text.js";
import { tokenOf } from "../trace.js";
import { layOut } from "./beam_layout.js";
import { frame } from "./frame.js";

const COLUMN = 104;
const ROW = 44;
const WIDTH = 80;
const HEIGHT = 34;

export function BeamTree({ trace, width, showDropped }) {
  const tree = useMemo(
    () => layOut(trace.search, showDropped),
    [trace, showDropped],
  );
  const [chosen, setChosen] = useState(0);
  const { nodes } = tree;
  const current = nodes[Math.min(chosen, nodes.length - 1)];
  const x = ({ step }) => 4 + (step + 1) * COLUMN;
  const y = ({ row }) => 24 + row * ROW;
  const nameOf = (node) =>
    node.step < 0
      ? "start"
      : tokenOf(trace, node.hypothesis.ids[node.hypothesis.ids.length - 1]);
  const ancestors = new Set();
  for (let node = current; node; node = node.parent) ancestors.add(node);

  function onKeyDown(event) {
    const next = neighbour(event.key, current, nodes);
    if (!next) return;
    event.preventDefault();
    const index = nodes.indexOf(next);
    setChosen(index);
    event.currentTarget.querySelector(`[data-node="${index}"]`).focus();
  }
  const text = current.hypothesis.ids
    .map((id) => tokenOf(trace, id))
    .join("")
    .replace(/\u2581/g, " ");
  return html`<div class="scroll">
      <svg ...${frame(Math.max(width, tree.columns * COLUMN), 28 + tree.rows * ROW)}
        class="beam-tree">
        ${trace.search.steps.map(
          (_, step) => html`<text class="muted" text-anchor="middle"
            x=${x({ step }) + WIDTH / 2} y="14">${step + 1}</text>`,
        )}
        ${nodes.map(
          (node) =>
            node.parent &&
            html`<path class=${edgeClass(node, ancestors)}
              d=${curve(x(node.parent) + WIDTH, y(node.parent) + HEIGHT / 2, x(node), y(node) + HEIGHT / 2)} />`,
        )}
        <g role="listbox" aria-label="Hypotheses of the search" onKeyDown=${onKeyDown}>
          ${nodes.map((node, index) => {
            const { score, log_probability: log } = node.hypothesis;
            const value = score ?? log;
            const title = `${plain(nameOf(node), 24)}, ${node.kind}, step ${node.step + 1}${value === undefined ? "" : `, score ${number(value, 3)}`}`;
            return html`<g role="option" data-node=${index} tabindex=${node === current ? 0 : -1}
              aria-selected=${node === current} aria-label=${title}
              class=${`node${ancestors.has(node) ? " active" : ""}`}
              onClick=${() => setChosen(index)}>
              <rect class=${`node-${node.kind}${node.isBest ? " best" : ""}`}
                x=${x(node)} y=${y(node)} width=${WIDTH} height=${HEIGHT} rx="6" />
              <${SvgToken} token=${nameOf(node)} length=${9} anchor="middle"
                x=${x(node) + WIDTH / 2} y=${y(node) + (value === undefined ? 21 : 15)} />
              ${
                value !== undefined &&
                html`<text class="node-score" text-anchor="middle"
                x=${x(node) + WIDTH / 2} y=${y(node) + 28}>${number(value)}${node.rank !== null ? ` · no. ${node.rank + 1}` : ""}</text>`
              }
            </g>`;
          })}
        </g>
      </svg>
    </div>
    <output class="readout">${
      current.step < 0
        ? "The start: nothing is written."
        : html`<bdi>${plain(text.trim(), 200)}</bdi>: ${current.kind}, score
          ${" "}<b>${number(current.hypothesis.score ?? 0, 3)}</b>, log-probability
          ${" "}${number(current.hypothesis.log_probability ?? 0, 3)}`
    }</output>`;
}

function edgeClass(node, ancestors) {
  const kind = node.isBest ? " best" : "";
  const active = ancestors.has(node) ? " active" : "";
  return `edge edge-${node.kind}${kind}${active}`;
}

function curve(x1, y1, x2, y2) {
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

/** Up and down in a column, left to the parent, right to a continuation. */
function neighbour(key, node, nodes) {
  const column = nodes.filter((each) => each.step === node.step);
  if (key === "ArrowUp") return column[node.row - 1];
  if (key === "ArrowDown") return column[node.row + 1];
  if (key === "ArrowLeft") return node.parent;
  if (key === "ArrowRight") return nodes.find((each) => each.parent === node);
  return null;
}
