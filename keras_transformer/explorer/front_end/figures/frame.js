// The size of a drawing.

/**
 * Attributes of an SVG element of a size in pixels. With the view box it can be
 * scaled, which a printed page does with what is too wide for the paper.
 */
export function frame(width, height) {
  return { width, height, viewBox: `0 0 ${width} ${height}` };
}
