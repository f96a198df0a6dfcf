// Arrow keys move a choice in a row or a grid.

const MOVES = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-10, 0],
  PageDown: [10, 0],
};

/**
 * The cell that a key leads to, or null if the key is not for the grid.
 * @param {number[]} cell row and column
 * @param {number[]} size rows and columns
 */
export function cellAfter(key, [row, column], [rows, columns]) {
  if (key === "Home") return [row, 0];
  if (key === "End") return [row, columns - 1];
  const move = MOVES[key];
  if (!move) return null;
  return [
    Math.max(0, Math.min(rows - 1, row + move[0])),
    Math.max(0, Math.min(columns - 1, column + move[1])),
  ];
}

/** The same in a list, in which all four arrows go back or on. */
export function indexAfter(key, index, count, rightToLeft = false) {
  const back = rightToLeft ? "ArrowRight" : "ArrowLeft";
  const on = rightToLeft ? "ArrowLeft" : "ArrowRight";
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (key === back || key === "ArrowUp") return Math.max(0, index - 1);
  if (key === on || key === "ArrowDown") return Math.min(count - 1, index + 1);
  return null;
}
