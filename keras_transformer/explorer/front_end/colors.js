// Colours with one meaning each, which colour-blind readers can tell apart.

// Those of style.css: Okabe and Ito's palette, without its black and its yellow,
// which is too pale for a line on white.
const NUM_COLORS = 6;
// Heads beyond the sixth repeat the colours with another kind of line.
const DASHES = ["none", "6 3", "2 3", "8 3 2 3"];

/** The colour of a head, and the dashes of its lines. */
export function headColor(head) {
  return `var(--head-${(head % NUM_COLORS) + 1})`;
}

export function headDash(head) {
  return DASHES[Math.floor(head / NUM_COLORS) % DASHES.length];
}
