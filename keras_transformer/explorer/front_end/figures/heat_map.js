// A matrix of weights or of differences, with tokens at two sides.

import { html, useMemo, useState } from "../library.js";
import { number } from "../numbers.js";
import { parts, plain, SvgToken, widthOf } from "../token_text.js";
import { Cells } from "./cells.js";
import { frame } from "./frame.js";
import { cellAfter } from "./keys.js";

const FONT = 13;
const LENGTH = 14;

/** Width of the longest label. */
function labelSpace(labels) {
  const widths = labels.map((label) => widthOf(parts(label, LENGTH).text));
  return Math.ceil(Math.max(2, ...widths) * FONT) + 18;
}

/** The largest weights as a sentence, for those who do not see the colours. */
export function summary({ rows, columns, values }, queries, keys, count = 3) {
  const order = Array.from(values.keys())
    .sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]))
    .slice(0, count);
  const list = order.map((index) => {
    const query = plain(queries[Math.floor(index / columns)], 20);
    return `${query} to ${plain(keys[index % columns], 20)} ${number(values[index])}`;
  });
  return `${rows} by ${columns} cells. Largest: ${list.join("; ")}.`;
}

/**
 * A heat map. Arrow keys and clicks choose a cell.
 * @param {{rows, columns, values}} map
 * @param {string[]} queries labels of the rows
 * @param {string[]} keys labels of the columns
 * @param {number[][]} marked cells with a frame
 */
export function HeatMap(properties) {
  const { map, queries, keys, width, kind, most, color, label } = properties;
  const { cell, onCell, marked = [], different = () => false } = properties;
  const [hovered, setHovered] = useState(null);
  const left = useMemo(() => labelSpace(queries), [queries]);
  const top = useMemo(() => labelSpace(keys), [keys]);
  const space = (width - left - 8) / map.columns;
  const size = Math.max(10, Math.min(32, Math.floor(space)));
  const font = size < 14 ? Math.max(9, size - 1) : FONT;
  const text = useMemo(() => summary(map, queries, keys), [map, queries, keys]);
  const [w, h] = [left + size * map.columns + 8, top + size * map.rows + 8];

  function cellAt(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - left) / size);
    const row = Math.floor((event.clientY - box.top - top) / size);
    const inside =
      row >= 0 && column >= 0 && row < map.rows && column < map.columns;
    return inside ? [row, column] : null;
  }
  function onKeyDown(event) {
    const next = cellAfter(event.key, cell, [map.rows, map.columns]);
    if (!next) return;
    event.preventDefault();
    onCell(next, "replace");
  }
  const [row, column] = hovered ?? cell;
  const value = map.values[row * map.columns + column];
  const outline = (r, c, name) =>
    html`<rect
      class=${name}
      x=${left + c * size}
      y=${top + r * size}
      width=${size}
      height=${size}
    />`;
  return html`<div class="scroll tall">
      <svg
        ...${frame(w, h)}
        class="heat-map"
        role="application"
        aria-roledescription="heat map"
        aria-label=${`${label}. ${text} Arrow keys choose a cell.`}
        tabindex="0"
        onKeyDown=${onKeyDown}
        onPointerMove=${(event) => setHovered(cellAt(event))}
        onPointerLeave=${() => setHovered(null)}
        onClick=${(event) => {
          const next = cellAt(event);
          if (next) onCell(next, "push");
        }}
      >
        <${Labels} ...${{ queries, keys, left, top, size, font, row, column, different }} />
        <rect class="map-ground" x=${left} y=${top}
          width=${size * map.columns} height=${size * map.rows} />
        <${Cells} values=${map.values} rows=${map.rows} columns=${map.columns}
          width=${size} height=${size} most=${most} kind=${kind} color=${color}
          gap=${size > 14 ? 1 : 0} x=${left} y=${top} />
        ${marked.map(([r, c]) => outline(r, c, "marked"))}
        ${outline(cell[0], cell[1], "chosen")}
        ${hovered && html`<g data-cursor>${outline(row, column, "hovered")}</g>`}
      </svg>
    </div>
    <output class="readout">
      <bdi>${plain(queries[row])}</bdi> → <bdi>${plain(keys[column])}</bdi>:
      ${" "}<b>${kind === "signed" && value > 0 ? "+" : ""}${number(value, 3)}</b>
    </output>`;
}

/** Labels of rows and columns; those of the current cell are strong. */
function Labels({
  queries,
  keys,
  left,
  top,
  size,
  font,
  row,
  column,
  different,
}) {
  const name = (side, index, isCurrent) =>
    `token${isCurrent ? " current" : ""}${different(side, index) ? " differs" : ""}`;
  return html`<g font-size=${font}>
    ${queries.map(
      (token, index) =>
        html`<${SvgToken} token=${token} length=${LENGTH} anchor="end"
          class=${name("queries", index, index === row)}
          x=${left - 6} y=${top + (index + 0.5) * size + font * 0.35} />`,
    )}
    ${keys.map((token, index) => {
      const x = left + (index + 0.5) * size + font * 0.35;
      return html`<${SvgToken} token=${token} length=${LENGTH} anchor="start"
        class=${name("keys", index, index === column)}
        x=${x} y=${top - 6} transform=${`rotate(-90 ${x} ${top - 6})`} />`;
    })}
  </g>`;
}
