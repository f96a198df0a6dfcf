// The choice of an attention, a layer and heads, which several sections share.

import { headColor } from "../colors.js";
import { Choice, Select } from "../figures/controls.js";
import { html } from "../library.js";
import { ATTENTIONS, layersOf } from "../trace.js";

/** Attention and layer. */
export function LayerChoice({ trace, attention, layer, dispatch }) {
  const layers = Array.from(
    { length: layersOf(trace, attention) },
    (_, index) => [index + 1, String(index + 1)],
  );
  return html`<${Choice} label="Attention" value=${attention}
      options=${ATTENTIONS.map(({ id, label }) => [id, label])}
      onValue=${(value) => dispatch({ attention: value })} />
    <${Choice} label="Layer" value=${layer} options=${layers}
      onValue=${(value) => dispatch({ layer: value })} />`;
}

/** Heads whose lines are drawn, each with its colour. */
export function HeadsChoice({ count, heads, dispatch }) {
  const all = Array.from({ length: count }, (_, head) => head);
  function toggle(head) {
    const next = heads.includes(head)
      ? heads.filter((each) => each !== head)
      : [...heads, head].sort((a, b) => a - b);
    dispatch({
      heads: next.length === count ? [] : next,
      head: next.includes(head) ? head : (next[0] ?? 0),
    });
  }
  return html`<fieldset class="choice heads">
    <legend>Heads</legend>
    ${all.map(
      (head) =>
        html`<button type="button" class="head" aria-pressed=${heads.includes(head)}
          aria-label=${`Head ${head + 1}`}
          disabled=${heads.length === 1 && heads[0] === head}
          onClick=${() => toggle(head)}>
          <svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" rx="3" fill=${headColor(head)} /></svg>
          ${head + 1}
        </button>`,
    )}
    <button type="button" disabled=${heads.length === count}
      onClick=${() => dispatch({ heads: [] })}>all</button>
  </fieldset>`;
}

/** The head of a heat map and of a calculation. */
export function HeadSelect({ heads, head, dispatch }) {
  return html`<${Select} label="Head of the heat map" value=${head}
    options=${heads.map((each) => [each, `Head ${each + 1}`])}
    onValue=${(value) => dispatch({ head: value })} />`;
}

/** Heads that exist, of those in the state; none chosen means all. */
export function existingHeads(trace, heads) {
  const { num_heads } = trace.model;
  const existing = heads.filter((head) => head >= 0 && head < num_heads);
  if (existing.length) return existing;
  return Array.from({ length: num_heads }, (_, head) => head);
}
