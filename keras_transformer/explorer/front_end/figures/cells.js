// A matrix as coloured cells: one SVG path for each shade, not one element for
// each cell, so that 200 by 200 weights stay fluid and are still vectors.

import { html, memo } from "../library.js";

const SHADES = 24;

/**
 * The paths of a matrix.
 *
 * Cells of one shade that touch in a row become one rectangle.
 * @param {Float32Array} values rows * columns numbers
 * @param {number} most the absolute value that has the darkest shade
 * @returns {{negative: boolean, shade: number, d: string}[]}
 */
export function shadePaths({
  values,
  rows,
  columns,
  width,
  height,
  most,
  gap = 0,
}) {
  const paths = new Map();
  const bar = height - gap;
  for (let row = 0; row < rows; row += 1) {
    const y = row * height;
    let column = 0;
    while (column < columns) {
      const shade = shadeOf(values[row * columns + column], most);
      let end = column + 1;
      if (gap === 0) {
        while (
          end < columns &&
          shadeOf(values[row * columns + end], most) === shade
        ) {
          end += 1;
        }
      }
      if (shade !== 0) {
        const x = round(column * width);
        const w = round((end - column) * width - gap);
        const d = `M${x} ${y}h${w}v${bar}h${-w}z`;
        if (paths.has(shade)) paths.get(shade).push(d);
        else paths.set(shade, [d]);
      }
      column = end;
    }
  }
  return [...paths].map(([shade, list]) => ({
    negative: shade < 0,
    shade: Math.abs(shade),
    d: list.join(""),
  }));
}

function shadeOf(value, most) {
  const share = Math.max(-1, Math.min(1, value / most));
  return Math.round(share * SHADES);
}

function round(value) {
  return Math.round(value * 100) / 100;
}

/** Cells at a place. `kind` is "weights", or "signed" for any numbers. */
export const Cells = memo(function Cells(properties) {
  const { x = 0, y = 0, kind, color } = properties;
  return html`<g transform=${`translate(${x} ${y})`} shape-rendering="crispEdges">
    ${shadePaths(properties).map(
      ({ negative, shade, d }) =>
        html`<path
          d=${d}
          class=${color ? undefined : negative ? "cell-negative" : `cell-${kind}`}
          fill=${color}
          fill-opacity=${(shade / SHADES).toFixed(3)}
        />`,
    )}
  </g>`;
});
