// Colours with one meaning each, which colour-blind readers can tell apart.

// Okabe and Ito's palette, without its black and its yellow, which is too pale
// for a line on white.
const HEADS = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
];
// Heads beyond the sixth repeat the colours with another kind of line.
const DASHES = ["none", "6 3", "2 3", "8 3 2 3"];

/** The colour of a head, and the dashes of its lines. */
export function headColor(head) {
  return HEADS[head % HEADS.length];
}

export function headDash(head) {
  return DASHES[Math.floor(head / HEADS.length) % DASHES.length];
}
