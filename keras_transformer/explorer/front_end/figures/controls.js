// Controls with their labels.

import { html, useLayoutEffect, useState } from "../library.js";

/** Buttons of which one is pressed. `options` are [value, text] pairs. */
export function Choice({ label, options, value, onValue, disabled }) {
  return html`<fieldset class="choice" disabled=${disabled}>
    <legend>${label}</legend>
    <span class="segments">
      ${options.map(
        ([each, text]) =>
          html`<button type="button" aria-pressed=${each === value}
            onClick=${() => onValue(each)}>${text}</button>`,
      )}
    </span>
  </fieldset>`;
}

/** A list to choose from, for many options. */
export function Select({ label, options, value, onValue, disabled }) {
  return html`<label class="field"><span>${label}</span>
    <select disabled=${disabled} value=${String(value)}
      onChange=${(event) => onValue(options[event.target.selectedIndex][0])}>
      ${options.map(
        ([each, text]) =>
          html`<option value=${String(each)} selected=${each === value}>${text}</option>`,
      )}
    </select>
  </label>`;
}

/** A slider with its number. */
export function Slider({
  label,
  value,
  text,
  min,
  max,
  step,
  onValue,
  disabled,
}) {
  return html`<label class="field slider"><span>${label} <output>${text ?? value}</output></span>
    <input type="range" min=${min} max=${max} step=${step} value=${value}
      disabled=${disabled} aria-valuetext=${String(text ?? value)}
      onInput=${(event) => onValue(Number(event.target.value), "replace")} />
  </label>`;
}

/**
 * A slider that acts when it is let go, for what takes longer to compute than
 * a picture of the movement lasts.
 */
export function LateSlider({ value, onValue, text = (each) => each, ...rest }) {
  const [draft, setDraft] = useState(value);
  useLayoutEffect(() => setDraft(value), [value]);
  return html`<label class="field slider"><span>${rest.label} <output>${text(draft)}</output></span>
    <input type="range" min=${rest.min} max=${rest.max} step=${rest.step} value=${draft}
      disabled=${rest.disabled} aria-valuetext=${String(text(draft))}
      onInput=${(event) => setDraft(Number(event.target.value))}
      onChange=${(event) => onValue(Number(event.target.value))} />
  </label>`;
}
