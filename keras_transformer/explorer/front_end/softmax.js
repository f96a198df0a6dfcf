// The softmax over the vocabulary, and what temperature, top-k and top-p make
// of it.

/**
 * Probabilities of a step's candidates after the three controls.
 *
 * A trace has the best C of V logits. The others are taken as one group of equal
 * logits with their true total, so at temperature 1 all numbers are exact.
 * @param {{log_normalizer, logits}} candidates
 * @param {{temperature, topK, topP, vocabularySize}} controls topK 0: no limit
 * @returns {{base: number[], shaped: number[], baseRest, shapedRest}}
 */
export function reshape(candidates, controls) {
  const { log_normalizer: normalizer, logits } = candidates;
  const { temperature, topK, topP, vocabularySize } = controls;
  const base = logits.map((logit) => Math.exp(logit - normalizer));
  const baseRest = Math.max(0, 1 - base.reduce((sum, each) => sum + each, 0));
  const numRest = Math.max(0, vocabularySize - logits.length);

  const top = logits[0];
  const masses = logits.map((logit) => Math.exp((logit - top) / temperature));
  let rest = 0;
  if (numRest > 0 && baseRest > 0) {
    const logit = Math.log(baseRest / numRest) + normalizer;
    rest = numRest * Math.exp((logit - top) / temperature);
  }
  if (topK > 0) {
    for (let index = topK; index < masses.length; index += 1) masses[index] = 0;
    if (topK <= masses.length) rest = 0;
  }
  if (topP < 1) {
    const total = masses.reduce((sum, each) => sum + each, rest);
    let sum = 0;
    masses.forEach((mass, index) => {
      // A candidate stays if those before it have less than p.
      if (sum >= topP * total) masses[index] = 0;
      sum += mass;
    });
    if (sum >= topP * total) rest = 0;
  }
  const total = masses.reduce((sum, each) => sum + each, rest);
  return {
    base,
    shaped: masses.map((mass) => mass / total),
    baseRest,
    shapedRest: rest / total,
  };
}
