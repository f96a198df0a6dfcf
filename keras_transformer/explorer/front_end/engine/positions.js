/** Positions: vectors that are added to embeddings, and rotations of heads. */

// The five forms of `sinusoidal_encoding` in Python, which explains them.
const FORMS = {
  paper: { hasPaperFrequencies: true, alternates: true, first: 0 },
  half: { hasPaperFrequencies: true, alternates: false, first: 0 },
  tensor2tensor: { hasPaperFrequencies: false, alternates: false, first: 0 },
  tensor2tensor_from_1: {
    hasPaperFrequencies: false,
    alternates: false,
    first: 1,
  },
  fairseq: { hasPaperFrequencies: false, alternates: false, first: 2 },
};

/**
 * Encodes positions that are added to embeddings.
 * @param {object} positions of a stack: `{kind: "sinusoidal", form}` or
 *   `{kind: "learned", encodings}`.
 * @param {number} start the first position.
 * @param {number} length T.
 * @param {number} size D.
 * @returns {Float32Array} (T, D).
 */
export function encodePositions(positions, start, length, size) {
  const table = new Float32Array(length * size);
  for (let t = 0; t < length; t++) {
    const row = table.subarray(t * size, (t + 1) * size);
    if (positions.kind === "sinusoidal") {
      writeSinusoids(FORMS[positions.form], start + t, row);
    } else {
      const last = positions.encodings.shape[0] - 1;
      const index = Math.min(start + t, last) * size;
      row.set(positions.encodings.values.subarray(index, index + size));
    }
  }
  return table;
}

function writeSinusoids(form, position, row) {
  const half = row.length / 2;
  const steps = form.hasPaperFrequencies ? half : Math.max(half - 1, 1);
  for (let i = 0; i < half; i++) {
    const angle = (position + form.first) * 10000 ** (-i / steps);
    row[form.alternates ? 2 * i : i] = Math.sin(angle);
    row[form.alternates ? 2 * i + 1 : half + i] = Math.cos(angle);
  }
}

/**
 * Rotates the heads of one position, in place (Su et al. 2021).
 * @param {Float32Array} heads (heads, K).
 * @param {number} headDim K.
 * @param {number} position
 * @param {{layout: string, base: number}} rotary
 */
export function rotate(heads, headDim, position, { layout, base }) {
  const half = headDim / 2;
  for (let i = 0; i < half; i++) {
    const angle = position * base ** ((-2 * i) / headDim);
    const sine = Math.sin(angle);
    const cosine = Math.cos(angle);
    // The pair i is i and K/2 + i, or 2i and 2i + 1.
    const first = layout === "half" ? i : 2 * i;
    const distance = layout === "half" ? half : 1;
    for (let start = first; start < heads.length; start += headDim) {
      const x = heads[start];
      const y = heads[start + distance];
      heads[start] = x * cosine - y * sine;
      heads[start + distance] = y * cosine + x * sine;
    }
  }
}
