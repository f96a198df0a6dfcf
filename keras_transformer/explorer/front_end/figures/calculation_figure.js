// The picture of The Illustrated Transformer's "self-attention in detail": query,
// key and product as strips, then score, softmax and value of each key, and z.

import { html } from "../library.js";
import { largest, number } from "../numbers.js";
import { SvgToken } from "../token_text.js";
import { Cells } from "./cells.js";
import { frame } from "./frame.js";
import { Scrolled } from "./scrolled.js";

const ROW = 24;
const LEFT = 112;
const MOST_KEYS = 12;

/** The keys with the largest weights, and the chosen one, in their order. */
function shownKeys(weights, column) {
  const order = Array.from(weights.keys()).sort(
    (a, b) => weights[b] - weights[a],
  );
  const shown = new Set([column, ...order]);
  return [...shown].slice(0, MOST_KEYS).sort((a, b) => a - b);
}

export function CalculationFigure({ numbers, tokens, column, width, label }) {
  const { q, k, products, product, logits, weights, values, z } = numbers;
  const keys = shownKeys(weights, column);
  const barSpace = width < 420 ? 18 : 60;
  const scores = 106 + barSpace;
  const count = q.length;
  const strips = Math.max(100, width - LEFT - scores - 12);
  const cell = Math.min(20, strips / count);
  const most = largest(q, k);
  const mostValue = largest(values.values);
  const first = 4 * ROW + 28;
  const end = first + keys.length * ROW;
  const hidden = tokens.length - keys.length;
  const rest = 1 - keys.reduce((sum, key) => sum + weights[key], 0);
  const right = LEFT + cell * count + 10;
  const strip = (y, vector, scale) =>
    html`<rect class="map-ground" x=${LEFT} y=${y} width=${cell * count} height=${ROW - 8} />
      <${Cells} values=${vector} rows=${1} columns=${count} kind="signed"
        width=${cell} height=${ROW - 8} most=${scale} x=${LEFT} y=${y} />`;
  const name = (y, text) =>
    html`<text class="muted" text-anchor="end" x=${LEFT - 8} y=${y + 13}>${text}</text>`;
  return html`<${Scrolled} label=${label}><svg
    ...${frame(Math.max(width, right + scores), end + (hidden > 0 ? ROW : 0) + ROW + 10)} class="calculation-figure"
    role="img" aria-label=${label}>
    ${name(4, "query")}${strip(4, q, most)}
    ${name(4 + ROW, "key")}${strip(4 + ROW, k, most)}
    ${name(4 + 2 * ROW, "product")}${strip(4 + 2 * ROW, products, largest(products))}
    <text class="result" x=${right} y=${4 + 2 * ROW + 13}>sum ${number(product)}</text>
    <g class="muted">
      <text text-anchor="end" x=${LEFT - 8} y=${first - 8}>key</text>
      <text x=${LEFT} y=${first - 8}>its value</text>
      <text text-anchor="end" x=${right + 44} y=${first - 8}>score</text>
      <text text-anchor="end" x=${right + scores - 14} y=${first - 8}>softmax</text>
    </g>
    ${keys.map((key, index) => {
      const y = first + index * ROW;
      const value = values.values.subarray(key * count, (key + 1) * count);
      return html`<g>
        ${key === column && html`<rect class="chosen-row" x="0" y=${y - 4} width=${right + scores - 8} height=${ROW} rx="4" />`}
        <${SvgToken} token=${tokens[key]} anchor="end" length=${12}
          class=${`token${key === column ? " current" : ""}`} x=${LEFT - 8} y=${y + 13} />
        <g opacity=${(0.08 + 0.92 * weights[key]).toFixed(3)}>${strip(y, value, mostValue)}</g>
        <text text-anchor="end" x=${right + 44} y=${y + 13}>${number(logits[key])}</text>
        <rect class="bar-value" x=${right + 54} y=${y + 2}
          width=${(barSpace * weights[key]).toFixed(1)} height=${ROW - 12} />
        <text text-anchor="end" x=${right + scores - 14} y=${y + 13}>${number(weights[key], 3)}</text>
      </g>`;
    })}
    ${
      hidden > 0 &&
      html`<text class="muted" x=${LEFT} y=${end + 13}>and ${hidden} other ${hidden === 1 ? "key" : "keys"}, together ${number(Math.max(0, rest), 3)}</text>`
    }
    ${name(end + (hidden > 0 ? ROW : 0) + 4, "sum, z")}
    ${strip(end + (hidden > 0 ? ROW : 0) + 4, z, mostValue)}
  </svg><//>`;
}
