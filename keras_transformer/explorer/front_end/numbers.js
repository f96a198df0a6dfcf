// Numbers as they are written.

/** A number with a real minus sign: −0.37, 112.4. */
export function number(value, digits = 2) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** A share of one: 83 %, 0.4 %, < 0.1 %. */
export function percent(share) {
  if (share < 1e-9) return "0 %";
  if (share < 0.001) return "< 0.1 %";
  return `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

/** The largest absolute value, at least a very small number. */
export function largest(...arrays) {
  let result = 1e-9;
  for (const values of arrays) {
    for (const value of values) {
      if (Math.abs(value) > result) result = Math.abs(value);
    }
  }
  return result;
}

/** The sum of products of two vectors. */
export function dot(a, b) {
  return a.reduce((sum, value, index) => sum + value * b[index], 0);
}
