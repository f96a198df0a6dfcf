// A section of the page: a heading that can be linked to, and what it explains.

import { html } from "../library.js";

/** Ids, titles and short names of the sections, in the order of the article. */
export const SECTIONS = [
  ["whole", "The whole", "Whole"],
  ["embeddings", "Tokens and positions", "Tokens"],
  ["self-attention", "Self-attention", "Self-attention"],
  ["two-sentences", "Two sentences", "Two sentences"],
  ["many-heads", "Many heads", "Many heads"],
  ["residuals", "Residuals and norm", "Residuals"],
  ["decoding", "Step by step", "Steps"],
  ["beam-search", "Beam search", "Beam"],
  ["confidence", "Confidence", "Confidence"],
  ["logit-lens", "Logit lens", "Lens"],
  ["heads-off", "Heads switched off", "Heads off"],
  ["attribution", "Attribution", "Attribution"],
];

/**
 * A section with its number, title and introduction.
 * @param {string} id one of `SECTIONS`
 * @param {string} paper where the paper explains it
 */
export function Section({ id, paper, intro, children }) {
  const index = SECTIONS.findIndex(([each]) => each === id);
  return html`<section id=${id} aria-labelledby=${`${id}-title`}>
    <h2 id=${`${id}-title`} tabindex="-1">
      <span class="section-number">${index + 1}</span> ${SECTIONS[index][1]}
    </h2>
    <p class="intro">${intro}${paper && html` <span class="paper">Paper: ${paper}.</span>`}</p>
    ${children}
  </section>`;
}

/** What a control needs that this page does not have. */
export function NeedsModel({ what }) {
  return html`<p class="needs-model">
    ${what} is possible in a page that contains the model. This page has
    recorded traces alone.
  </p>`;
}
