// Numbers in 16 bits.

/**
 * Decodes a float16: 1 bit of sign, 5 of exponent, 10 of fraction.
 * @param {number} bits an integer of 16 bits.
 * @returns {number}
 */
export function numberOfHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
