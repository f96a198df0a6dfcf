/** The curves of a calibration, as `translation/isotonic.py` reads them. */

/**
 * Returns the height of a curve: straight between its points, flat outside.
 * @param {{x: number[], y: number[]}} curve points, `x` rising.
 * @param {number} value
 * @returns {number}
 */
export function heightAt({ x, y }, value) {
  const last = x.length - 1;
  if (value < x[0]) return y[0];
  if (value >= x[last]) return y[last];
  const right = x.findIndex((each) => each > value);
  const left = right - 1;
  const slope = (y[right] - y[left]) / (x[right] - x[left]);
  return slope * (value - x[left]) + y[left];
}
