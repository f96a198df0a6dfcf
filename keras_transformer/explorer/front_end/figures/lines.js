// Attention as lines from a query to its keys, each head in its colour.

import { headColor, headDash } from "../colors.js";
import { html, useState } from "../library.js";
import { percent } from "../numbers.js";
import { plain, SvgToken } from "../token_text.js";
import { frame } from "./frame.js";
import { indexAfter } from "./keys.js";

const ROW = 24;
const BAR = 9;
const LEAST = 0.02;
// Up to this many lines, those of the other queries are drawn too, faintly.
const MOST_FAINT = 2500;

/**
 * Two columns of tokens and the lines between them.
 * @param {{queries, keys, heads}} view see `attentionView`
 * @param {number[]} heads the heads that are drawn
 * @param {number} row the query that is chosen
 */
export function AttentionLines({ view, heads, width, row, onRow, label }) {
  const [hovered, setHovered] = useState(null);
  const queries = view.queries.labels;
  const keys = view.keys.labels;
  const active = Math.min(hovered ?? row, queries.length - 1);
  const side = Math.min(190, Math.floor(width * 0.36));
  const right = width - side;
  const height = Math.max(queries.length, keys.length) * ROW + 8;
  const y = (index) => index * ROW + ROW / 2 + 4;
  const barsWidth = heads.length * BAR + 6;

  function onKeyDown(event) {
    const next = indexAfter(event.key, row, queries.length);
    if (next === null) return;
    event.preventDefault();
    onRow(next, "replace");
    event.currentTarget.children[next].focus();
  }
  const strongest = strongestKey(view, heads, active);
  return html`<div class="scroll tall">
      <svg ...${frame(width, height)} class="attention-lines">
        ${faintLines(view, heads, { side, right, y, barsWidth })}
        <g>${heads.flatMap((head, place) =>
          linesOf(view.heads[head], active, head).map(
            ({ key, weight }) =>
              html`<line
                x1=${side} x2=${right - barsWidth}
                y1=${y(active) + (place - heads.length / 2) * 1.6}
                y2=${y(key)}
                stroke=${headColor(head)}
                stroke-dasharray=${headDash(head)}
                stroke-width=${(1 + 3.5 * weight).toFixed(2)}
                stroke-opacity=${(0.15 + 0.85 * weight).toFixed(3)}
              />`,
          ),
        )}</g>
        <g role="listbox" aria-label=${`${label}: queries`} onKeyDown=${onKeyDown}>
          ${queries.map(
            (token, index) =>
              html`<g
                role="option"
                aria-selected=${index === row}
                aria-label=${plain(token)}
                tabindex=${index === row ? 0 : -1}
                class=${`query${index === active ? " active" : ""}`}
                onPointerEnter=${() => setHovered(index)}
                onPointerLeave=${() => setHovered(null)}
                onClick=${() => onRow(index, "push")}
              >
                <rect x="0" y=${index * ROW + 5} width=${side - 4}
                  height=${ROW - 2} rx="4" />
                <${SvgToken} token=${token} anchor="end" length=${Math.floor(side / 11)}
                  x=${side - 10} y=${y(index) + 5} />
              </g>`,
          )}
        </g>
        ${keys.map(
          (token, index) => html`<g>
            ${heads.map(
              (head, place) =>
                html`<rect class="key-weight"
                  x=${right - barsWidth + place * BAR} y=${index * ROW + 5}
                  width=${BAR} height=${ROW - 2}
                  fill=${headColor(head)}
                  fill-opacity=${weightOf(view.heads[head], active, index).toFixed(3)}
                />`,
            )}
            <${SvgToken} token=${token} length=${Math.floor(side / 11)}
              class=${`token${index === strongest.key ? " current" : ""}`}
              x=${right + 6} y=${y(index) + 5} />
          </g>`,
        )}
      </svg>
    </div>
    <output class="readout">
      <bdi>${plain(queries[active])}</bdi> looks most at${" "}
      <b><bdi>${plain(keys[strongest.key])}</bdi></b>
      ${" "}(${percent(strongest.weight)}, head ${strongest.head + 1})
    </output>`;
}

function weightOf({ columns, values }, row, column) {
  return values[row * columns + column];
}

function linesOf(map, row) {
  const result = [];
  for (let key = 0; key < map.columns; key += 1) {
    const weight = weightOf(map, row, key);
    if (weight > LEAST) result.push({ key, weight });
  }
  return result;
}

function strongestKey(view, heads, row) {
  let best = { key: 0, weight: -1, head: 0 };
  for (const head of heads) {
    for (const { key, weight } of linesOf(view.heads[head], row)) {
      if (weight > best.weight) best = { key, weight, head };
    }
  }
  return best;
}

function faintLines(view, heads, { side, right, y, barsWidth }) {
  const { rows, columns } = view.heads[0];
  if (rows * columns * heads.length > MOST_FAINT) return null;
  return html`<g class="faint">${heads.flatMap((head) =>
    Array.from({ length: rows }, (_, row) =>
      linesOf(view.heads[head], row)
        .filter(({ weight }) => weight > 0.2)
        .map(
          ({ key, weight }) =>
            html`<line x1=${side} x2=${right - barsWidth} y1=${y(row)} y2=${y(key)}
              stroke=${headColor(head)} stroke-opacity=${(0.16 * weight).toFixed(3)} />`,
        ),
    ),
  )}</g>`;
}
