// The bar that stays at the top: the sentence, and settings of all sections.

import { html } from "./library.js";
import { shortened, visible } from "./token_text.js";
import { SECTIONS } from "./views/section.js";

const THEMES = { auto: "dark", dark: "light", light: "auto" };
const THEME_NAMES = {
  auto: "Colours: as the system",
  dark: "Colours: dark",
  light: "Colours: light",
};

export function Bar({ state, trace, shown, dispatch, link }) {
  return html`<div class="bar-top" role="region" aria-label="Sentence and settings">
    <div class="bar-line">
      <span class="segments" role="group" aria-label="Sentence that is shown">
        ${[0, 1].map(
          (index) => html`<button type="button" aria-pressed=${shown === index}
            aria-label=${`Show the ${index === 0 ? "first" : "second"} sentence`}
            onClick=${() => dispatch({ shown: index })}>${index + 1}</button>`,
        )}
      </span>
      <p class="bar-text">
        <bdi dir="auto">${shortened(visible(shown === 0 ? state.text : state.text2), 160)}</bdi>
        ${trace && html`<span class="muted"> → <bdi dir="auto">${shortened(visible(trace.target.text), 160)}</bdi></span>`}
      </p>
      <span class="segments" role="group" aria-label="Tokens are drawn as">
        ${["pieces", "words"].map(
          (
            each,
          ) => html`<button type="button" aria-pressed=${state.units === each}
            onClick=${() => dispatch({ units: each })}>${each}</button>`,
        )}
      </span>
      <button type="button" class="theme" title=${THEME_NAMES[state.theme]}
        aria-label=${THEME_NAMES[state.theme] ?? THEME_NAMES.auto}
        onClick=${() => dispatch({ theme: THEMES[state.theme] ?? "auto" })}>
        ${state.theme in THEMES ? state.theme : "auto"}</button>
    </div>
    <nav aria-label="Sections"><ol>
      ${SECTIONS.map(
        (
          [id, title, short],
          index,
        ) => html`<li><a href=${link({ section: id })} title=${title}
          aria-current=${state.section === id ? "true" : undefined}
          onClick=${() => document.getElementById(id)?.scrollIntoView()}>
          <span class="section-number">${index + 1}</span> ${short}</a></li>`,
      )}
    </ol></nav>
  </div>`;
}
