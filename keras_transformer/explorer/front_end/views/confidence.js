// (9) Confidence: how sure the translation and each of its words are.

import { Choice } from "../figures/controls.js";
import { html, memo } from "../library.js";
import { percent } from "../numbers.js";
import { isRightToLeft, visible } from "../token_text.js";
import { Section } from "./section.js";

const SHADES = 6;

export const Confidence = memo(function Confidence(properties) {
  const { trace, hypothesis, dispatch } = properties;
  const assessments = trace.assessments ?? [];
  const index = Math.max(0, Math.min(assessments.length - 1, hypothesis));
  return html`<${Section}
    id="confidence"
    intro="A fluent translation can be wrong. In a development set, whose references are known, some words are right and others are not; the less probable the model finds a word, the more often it is wrong. The confidence of a word is the share of such words that were right. The confidence of the translation is the share of its words that is expected to be right."
  >
    ${
      assessments.length > 1 &&
      html`<${Choice} label="Translation, the best one first" value=${index}
        options=${assessments.map((_, each) => [each, String(each + 1)])}
        onValue=${(value) => dispatch({ hypothesis: value })} />`
    }
    ${
      assessments.length > 0
        ? html`<${Assessment} assessment=${assessments[index]} isGiven=${trace.target.is_given} />`
        : html`<p class="needs-model">How often this model is right is not known: its run has
          no calibration. <code>tools.calibrate</code> learns one from a development set;
          a page that is written after it has the confidence of each word.</p>`
    }
  <//>`;
});

function Assessment({ assessment, isGiven }) {
  const { confidence, words, word_confidences: confidences } = assessment;
  return html`
    ${
      words.length > 0
        ? html`<p class="sentence-confidence"><b>${percent(confidence)}</b> of the words of
            this translation are expected to be right.</p>
          <${Words} words=${words} confidences=${confidences} />
          <p class="muted">Below each word is its confidence. The stronger the colour, the less
            sure is the word.</p>`
        : html`<p class="note">The translation has no words.</p>`
    }
    <${Defects} assessment=${assessment} />
    ${
      isGiven &&
      html`<p class="note">This translation was given. The confidences are those of words that
        the model chooses itself.</p>`
    }`;
}

/** Words with their confidence; a screen reader reads them as a list. */
function Words({ words, confidences }) {
  const rightToLeft = words.filter(isRightToLeft).length > words.length / 2;
  return html`<ol class="words" role="list" dir=${rightToLeft ? "rtl" : "ltr"}
    aria-label="Words of the translation, each with its confidence">
    ${words.map((word, index) => {
      const doubt = 1 - confidences[index];
      const shade = Math.min(SHADES - 1, Math.floor(doubt * SHADES));
      return html`<li class=${`shade-${shade}`}>
        <bdi dir="auto">${visible(word)}</bdi> <small dir="ltr">${percent(confidences[index])}</small></li>`;
    })}
  </ol>`;
}

/** The confidence of a translation; null if it is not known, or has no words. */
export function confidenceOf(assessment) {
  return assessment?.words.length ? percent(assessment.confidence) : null;
}

/** What is wrong with the form of a translation, in words. */
export function Defects({ assessment }) {
  const { has_loop, has_unusual_length } = assessment;
  return [
    has_loop && "The translation repeats itself, and the source does not.",
    has_unusual_length &&
      "The translation is far too long or too short for the source.",
  ]
    .filter(Boolean)
    .map((text) => html`<p class="note defect">${text}</p>`);
}
