// (7) Beam search as a tree: what lives, what finished, what was dropped.

import { BeamTree } from "../figures/beam_tree.js";
import { Choice, LateSlider, Select } from "../figures/controls.js";
import { Figure } from "../figures/figure.js";
import { Tokens } from "../figures/token_row.js";
import { html, memo } from "../library.js";
import { number } from "../numbers.js";
import { tokenOf } from "../trace.js";
import { confidenceOf } from "./confidence.js";
import { NeedsModel, Section } from "./section.js";

const PENALTIES = [
  ["gnmt", "gnmt: ((5 + length) / 6)^alpha"],
  ["average", "average: length^alpha"],
  ["none", "none"],
];

export const BeamSearch = memo(function BeamSearch(properties) {
  const { trace, dropped, isLive, kind, dispatch } = properties;
  const { search } = trace;
  return html`<${Section}
    id="beam-search"
    paper="section 6.1"
    intro="Greedy decoding takes the most probable token of each step. Beam search keeps the best few beginnings instead, since a less probable token can lead to a better sentence. Long hypotheses have small probabilities, so the score is the log-probability divided by a power of the length."
  >
    ${
      isLive
        ? html`<${SearchControls} ...${properties} />`
        : html`<${NeedsModel} what="Changing the search" />`
    }
    ${
      search
        ? html`<${Results} trace=${trace} />
          <${Choice} label="Dropped hypotheses" value=${dropped}
            options=${[[1, "show"], [0, "hide"]]}
            onValue=${(value) => dispatch({ dropped: value })} />
          <${Figure}
            name="beam-tree"
            caption=${`The ${search.kind === "greedy" ? "path" : "tree"} of the search, a column for each step. Below each token is its score. The thick path leads to the best translation.`}
            draw=${(width) =>
              html`<${BeamTree} trace=${trace} width=${width} showDropped=${dropped === 1} />`}
          >
            <${Legend} />
          <//>`
        : html`<p class="note">${kind === "beam" && "The translation was given, so nothing was searched."}</p>`
    }
  <//>`;
});

function SearchControls(properties) {
  const { kind, beam_size, top_beams, alpha, penalty, coverage, dispatch } =
    properties;
  const isGreedy = kind === "greedy";
  const set = (name) => (value, how) => dispatch({ [name]: value }, how);
  return html`<div class="controls sliders">
    <${Choice} label="Search" value=${kind} onValue=${set("kind")}
      options=${[["beam", "Beam"], ["greedy", "Greedy"]]} />
    <${LateSlider} label="Beam size" min=${1} max=${10} step=${1} value=${beam_size}
      disabled=${isGreedy} onValue=${set("beam_size")} />
    <${LateSlider} label="Translations" min=${1} max=${10} step=${1} value=${top_beams}
      disabled=${isGreedy} onValue=${set("top_beams")} />
    <${LateSlider} label="Length penalty, alpha" min=${0} max=${2} step=${0.1} value=${alpha}
      text=${(value) => number(value, 1)} disabled=${isGreedy} onValue=${set("alpha")} />
    <${Select} label="Form of the penalty" value=${penalty} options=${PENALTIES}
      disabled=${isGreedy} onValue=${set("penalty")} />
    <${LateSlider} label="Coverage penalty" min=${0} max=${1} step=${0.1} value=${coverage}
      text=${(value) => number(value, 1)} disabled=${isGreedy} onValue=${set("coverage")} />
  </div>`;
}

function Results({ trace }) {
  return html`<ol class="hypotheses">
    ${trace.search.hypotheses.map(
      ({ ids, score, log_probability }, index) => html`<li>
        <${Tokens} tokens=${ids.map((id) => tokenOf(trace, id))} />
        <span class="muted">score ${number(score, 3)}, log-probability ${number(log_probability, 3)}${confidenceText(trace.assessments?.[index])}</span>
      </li>`,
    )}
  </ol>`;
}

function confidenceText(assessment) {
  const confidence = confidenceOf(assessment);
  return confidence ? `, confidence ${confidence}` : "";
}

function Legend() {
  return html`<p class="legend">
    <span><svg width="16" height="16" aria-hidden="true"><rect class="node-live" x="1" y="1" width="14" height="14" rx="4" /></svg> goes on</span>
    <span><svg width="16" height="16" aria-hidden="true"><rect class="node-finished" x="1" y="1" width="14" height="14" rx="4" /></svg> finished</span>
    <span><svg width="16" height="16" aria-hidden="true"><rect class="node-dropped" x="1" y="1" width="14" height="14" rx="4" /></svg> dropped</span>
  </p>`;
}
