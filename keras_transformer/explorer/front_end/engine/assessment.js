/** How sure a translation is, as `translation/assessment.py` tells it. */

import { hasLoop, isUnusualLength } from "./defects.js";
import { heightAt } from "./isotonic.js";
import { scoreWords } from "./word_scores.js";

/**
 * Assesses a translation.
 * @param {object} calibration `words` and `sentences`, the curves, and
 *   `lengths`.
 * @param {{tokenizer: object, ids: number[]}} source the end token included.
 * @param {{tokenizer: object, ids: number[], logProbs: number[]}} translation
 *   its tokens, and the log-probability of each.
 * @returns {object} an assessment of the trace.
 */
export function assess(calibration, source, translation) {
  const { tokenizer, ids, logProbs } = translation;
  const scored = scoreWords(tokenizer, ids, logProbs);
  const { pad, end } = source.tokenizer.data.special_ids;
  const ofText = source.ids.filter((id) => id !== pad && id !== end);
  // A blank source has a translation without defects.
  const length = ofText.length ? ids.length : 0;
  return {
    confidence: ids.length ? heightAt(calibration.sentences, scored.mean) : 1,
    words: scored.words,
    word_confidences: scored.logProbs.map((each) =>
      heightAt(calibration.words, each),
    ),
    // The repetition of a source may be translated.
    has_loop: length > 0 && hasLoop(ids) && !hasLoop(source.ids),
    has_unusual_length:
      length > 0 &&
      isUnusualLength(calibration.lengths, ofText.length, length - 1),
  };
}
