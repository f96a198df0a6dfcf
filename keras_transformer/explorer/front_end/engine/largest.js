/** Selection of the largest of many numbers. */

/**
 * Returns the indices of the largest numbers, the largest first; of equal
 * numbers, the lower index is first.
 * @param {Float32Array} values
 * @param {number} count how many, at most; at least 1.
 * @returns {number[]}
 */
export function largest(values, count) {
  const indices = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (indices.length === count) {
      if (value <= values[indices[count - 1]]) continue;
      indices.pop();
    }
    let low = 0;
    let high = indices.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[indices[middle]] >= value) low = middle + 1;
      else high = middle;
    }
    indices.splice(low, 0, i);
  }
  return indices;
}
