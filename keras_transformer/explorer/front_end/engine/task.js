/** The task of a search: limits of the translation, and forbidden tokens. */

/**
 * Makes the task for one source.
 * @param {object} data the model data.
 * @param {number} sourceLength S, the end token included.
 * @param {number[]} prefix the first tokens of every hypothesis.
 * @param {number} endId the end token of translations.
 * @returns {object} `startId`, `endId`, `minLength`, `maxLength`, `prefix`,
 *   `banned` (a Set), `noRepeatSize`.
 */
export function makeTask(data, sourceLength, prefix, endId) {
  const { pad_id: padId, start_id: startId } = data.architecture;
  const { constraints } = data;
  const { minimum, maximum } = lengthLimits(data.limits, sourceLength);
  if (prefix.includes(padId)) {
    throw new Error("The padding token is never part of a translation.");
  }
  if (prefix.length > maximum) {
    throw new Error(
      `A translation of this sentence has at most ${maximum} tokens; ` +
        `${prefix.length} were chosen.`,
    );
  }
  const banned = new Set([padId, startId]);
  banned.delete(endId);
  for (const id of constraints.banned_ids) banned.add(id);
  return {
    startId,
    endId,
    minLength: Math.max(minimum, constraints.min_length),
    maxLength: maximum,
    prefix,
    banned,
    noRepeatSize: constraints.no_repeat_ngram_size,
  };
}

// `Lengths.of` in Python. It rounds products to float32.
function lengthLimits(limits, sourceLength) {
  const times = (ratio) => Math.fround(ratio * sourceLength);
  let maximum = Math.trunc(times(limits.ratio)) + limits.extra;
  if (limits.maximum !== null) maximum = Math.min(maximum, limits.maximum);
  maximum = Math.max(maximum, 1);
  const least = Math.ceil(times(limits.minimum_ratio));
  const minimum = Math.max(least, limits.minimum);
  return { minimum: Math.min(minimum, maximum), maximum };
}
