// (8) Heads switched off: what the translation is without them.

import { compareWords } from "../alignment.js";
import { Scrolled } from "../figures/scrolled.js";
import { html, memo, useMemo } from "../library.js";
import { number } from "../numbers.js";
import { ATTENTIONS, attentionPath, layersOf } from "../trace.js";
import { NeedsModel, Section } from "./section.js";
import { MarkedText } from "./two_sentences.js";

export const HeadsOff = memo(function HeadsOff(properties) {
  const { trace, without, error, off, isLive, dispatch } = properties;
  return html`<${Section}
    id="heads-off"
    intro="What is a head good for? Switch it off, and its result z is zero everywhere, also in the search. Words that change are marked. A head that changes nothing here may matter for another sentence."
  >
    ${!isLive && html`<${NeedsModel} what="Switching heads off" />`}
    <${Grid} trace=${trace} off=${off} isLive=${isLive} dispatch=${dispatch} />
    ${error && html`<p class="error" role="alert">${error}</p>`}
    ${without && off.length > 0 && html`<${Change} trace=${trace} without=${without} />`}
  <//>`;
});

/** A checkbox for each head of each attention, as a table. */
function Grid({ trace, off, isLive, dispatch }) {
  const heads = Array.from(
    { length: trace.model.num_heads },
    (_, head) => head,
  );
  const rows = ATTENTIONS.flatMap(({ id, label }) =>
    Array.from({ length: layersOf(trace, id) }, (_, index) => ({
      path: attentionPath(id, index + 1),
      label: `${label} ${index + 1}`,
    })),
  );
  const toggle = (names, isOff) => {
    const rest = off.filter((name) => !names.includes(name));
    dispatch({ off: isOff ? [...rest, ...names] : rest });
  };
  return html`<${Scrolled} label="Heads"><table class="heads-grid">
    <caption class="visually-hidden">Heads; a checked one is switched on</caption>
    <thead><tr><th scope="col">Attention and layer</th>
      ${heads.map((head) => html`<th scope="col">${head + 1}</th>`)}</tr></thead>
    <tbody>${rows.map(
      ({ path, label }) => html`<tr><th scope="row">${label}</th>
        ${heads.map((head) => {
          const name = `${path}:${head}`;
          return html`<td><label class="check"><input type="checkbox" disabled=${!isLive}
            checked=${!off.includes(name)} data-head=${name}
            aria-label=${`${label}, head ${head + 1}, switched on`}
            onChange=${(event) => toggle([name], !event.target.checked)} /></label></td>`;
        })}</tr>`,
    )}</tbody>
  </table><//>
  ${
    isLive &&
    html`<button type="button" disabled=${off.length === 0}
    onClick=${() => dispatch({ off: [] })}>Switch all on</button>`
  }`;
}

function Change({ trace, without }) {
  const [before, after] = useMemo(
    () => compareWords(trace.target.text, without.target.text),
    [trace, without],
  );
  const logs = [trace, without].map(
    (each) => each.search?.hypotheses[0]?.log_probability,
  );
  return html`<div class="side-by-side change" aria-live="polite">
    ${[
      ["With all heads", before],
      ["With heads switched off", after],
    ].map(
      ([title, words], index) => html`<div><h3>${title}</h3>
        <${MarkedText} words=${words} />
        ${
          logs[index] !== undefined &&
          html`<p class="muted">log-probability ${number(logs[index], 3)}</p>`
        }</div>`,
    )}
    ${
      [...before, ...after].every(({ same }) => same) &&
      html`<p class="note">The translation is the same.</p>`
    }
  </div>`;
}
