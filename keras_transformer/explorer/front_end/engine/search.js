/** The searches, by their settings. */

import { beamSearch } from "./beam.js";
import { greedySearch } from "./greedy.js";
import { LENGTH_PENALTIES } from "./penalties.js";

/**
 * Searches for translations.
 * @param {object} search `{kind: "greedy"}`, or `{kind: "beam", ...}` with
 *   the settings of `beamSearch`.
 * @param {object} stepper see `makeStepper`.
 * @param {object} task see `makeTask`.
 * @param {number} vocabularySize V.
 * @returns {object} a search record of the trace, whose `hypotheses` also have
 *   `logProbs`, of each token.
 */
export function searchWith(search, stepper, task, vocabularySize) {
  if (search.kind === "greedy") return greedySearch(stepper, task);
  checkSettings(search, vocabularySize);
  return beamSearch(stepper, task, search);
}

function checkSettings(search, vocabularySize) {
  const { beam_size: width, top_beams: count, alpha, coverage } = search;
  const isWhole = [width, count].every(Number.isInteger);
  if (!isWhole || count < 1 || count > width || width > vocabularySize) {
    throw new Error(
      "The beam must have at least as many hypotheses as are returned, and " +
        `at most ${vocabularySize}. Received: ${width}, ${count} returned.`,
    );
  }
  if (!(alpha >= 0 && coverage >= 0 && Number.isFinite(alpha + coverage))) {
    throw new Error(
      `Penalties must be at least 0. Received: alpha ${alpha}, coverage ` +
        `${coverage}.`,
    );
  }
  if (!LENGTH_PENALTIES.includes(search.penalty)) {
    throw new Error(`There is no length penalty "${search.penalty}".`);
  }
}
