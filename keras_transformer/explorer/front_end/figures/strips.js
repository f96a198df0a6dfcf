// Vectors as strips of colour: a row for each vector, a cell for each number.

import { html, useMemo } from "../library.js";
import { largest } from "../numbers.js";
import { plain, SvgToken } from "../token_text.js";
import { Cells } from "./cells.js";
import { frame } from "./frame.js";
import { Scrolled } from "./scrolled.js";

const LEFT = 118;

/**
 * Blocks of strips below each other, all of one scale.
 * @param {object[]} blocks each {title, labels, rows, columns, values (rows *
 *   columns), sign: what stands before it, bands: colours of column ranges,
 *   onRow, row, scale: a scale of its own}
 */
export function Strips({ blocks, width, label, rowHeight = 16 }) {
  const most = useMemo(
    () => largest(...blocks.filter((b) => !b.scale).map((each) => each.values)),
    [blocks],
  );
  const columns = Math.max(...blocks.map((each) => each.columns));
  const cell = Math.max(1.5, Math.min(30, (width - LEFT - 4) / columns));
  let y = 0;
  const placed = blocks.map((block) => {
    const height = block.rowHeight ?? rowHeight;
    const place = { block, y, height };
    y += 24 + (block.bands ? 8 : 0) + block.rows * height + 12;
    return place;
  });
  const svgWidth = Math.ceil(LEFT + cell * columns + 4);
  return html`<${Scrolled} label=${label}>
    <svg ...${frame(svgWidth, y)} class="strips" role="img"
      aria-label=${`${label}: ${blocks.map(describe).join("; ")}`}>
      ${placed.map(
        ({ block, y: top, height }) =>
          html`<${Block} ...${{ block, top, height, cell, most }} />`,
      )}
    </svg>
  <//>`;
}

function describe({ title, rows, columns }) {
  return `${title}, ${rows} by ${columns}`;
}

function Block({ block, top, height, cell, most }) {
  const { title, sign, labels, rows, columns, values, bands, row } = block;
  const gap = height > 8 ? 2 : 0;
  const first = top + 24 + (bands ? 8 : 0);
  return html`<g>
    <text class="block-sign" x=${LEFT - 108} y=${top + 16}>${sign}</text>
    <text class="block-title" x=${LEFT} y=${top + 16}>${title}</text>
    ${bands?.map(
      ({ start, end, color, name }) =>
        html`<rect x=${LEFT + start * cell} y=${first - 8}
          width=${Math.max(1, (end - start) * cell - 1)} height="5"
          fill=${color}><title>${name}</title></rect>`,
    )}
    <rect class="map-ground" x=${LEFT} y=${first}
      width=${cell * columns} height=${rows * height - gap} />
    <${StripRows} ...${{ values, rows, columns, cell, height, gap, first }}
      most=${block.scale ?? most} />
    ${
      rows * height > 9 &&
      labels.map(
        (token, index) =>
          (height >= 9 || index % Math.ceil(11 / height) === 0) &&
          html`<${SvgToken} token=${token} anchor="end" length=${13}
          class=${`token${index === row ? " current" : ""}`}
          font-size=${Math.max(9, Math.min(13, height))}
          x=${LEFT - 8} y=${first + (index + 0.5) * height + 4 - gap / 2} />`,
      )
    }
  </g>`;
}

/** All rows at once: gaps between rows, none between numbers. */
function StripRows({ values, rows, columns, cell, height, gap, first, most }) {
  const shared = { columns, most, kind: "signed", width: cell, x: LEFT };
  if (gap === 0) {
    return html`<${Cells} ...${shared} values=${values} rows=${rows}
      height=${height} y=${first} />`;
  }
  return html`<g>${Array.from(
    { length: rows },
    (_, row) =>
      html`<${Cells} ...${shared} rows=${1} height=${height - gap}
        values=${rowOf(values, row, columns)} y=${first + row * height} />`,
  )}</g>`;
}

const cutRows = new WeakMap();

/** One row of a matrix; the same array each time, so nothing is drawn anew. */
function rowOf(values, row, columns) {
  if (!cutRows.has(values)) cutRows.set(values, new Map());
  const rows = cutRows.get(values);
  const key = `${row} ${columns}`;
  if (!rows.has(key)) {
    rows.set(key, values.subarray(row * columns, (row + 1) * columns));
  }
  return rows.get(key);
}

/** The name of a token in a sentence about a figure. */
export function tokenName(tokens, index) {
  return `“${plain(tokens[index], 24)}”`;
}
