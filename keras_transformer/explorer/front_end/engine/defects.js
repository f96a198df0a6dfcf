/**
 * Translations that repeat themselves or have an unusual length, by the rules of
 * `translation/defects.py`, where they are explained.
 */

// The longest sequence of tokens whose repetition is looked for.
const LONGEST_PERIOD = 32;
// A length is unusual if it is that many standard deviations from the expected.
const DEVIATIONS = 5;

/**
 * Whether a sequence repeats itself at once: one token stands four times in a
 * row, or a longer part is followed by itself, so that at least four tokens, and
 * at least the whole part, are a repetition.
 * @param {number[]} ids
 * @returns {boolean}
 */
export function hasLoop(ids) {
  for (let period = 1; period <= LONGEST_PERIOD; period++) {
    const window = period === 1 ? 3 : Math.max(period, 4);
    let repeated = 0;
    for (let i = period; i < ids.length; i++) {
      repeated = ids[i] === ids[i - period] ? repeated + 1 : 0;
      if (repeated >= window) return true;
    }
  }
  return false;
}

/**
 * Whether a translation is far too long or short. Python computes this in
 * float32, so that a length at the limit is judged alike here.
 * @param {{ratio: number, deviation: number}} model
 * @param {number} sourceLength tokens of the source, without the end token.
 * @param {number} targetLength tokens of the translation, without it.
 * @returns {boolean}
 */
export function isUnusualLength(model, sourceLength, targetLength) {
  const { fround } = Math;
  const expected = fround(fround(model.ratio) * sourceLength);
  const distance = Math.abs(fround(targetLength - expected));
  const deviations = fround(DEVIATIONS * model.deviation);
  const allowed = fround(deviations * fround(Math.sqrt(sourceLength)));
  // One token more or less is never unusual.
  return distance > Math.max(allowed, 1);
}
