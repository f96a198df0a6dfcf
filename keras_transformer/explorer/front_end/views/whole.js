// (1) The whole: a sentence in, a translation out, and the two stacks.

import { Figure } from "../figures/figure.js";
import { Stacks } from "../figures/stacks.js";
import { Tokens } from "../figures/token_row.js";
import { html, memo } from "../library.js";
import { number } from "../numbers.js";
import { visible } from "../token_text.js";
import { confidenceOf, Defects } from "./confidence.js";
import { Section } from "./section.js";
import { SentenceField } from "./sentence_field.js";

export const Whole = memo(function Whole(properties) {
  const { trace, error, texts, text, text2, isLive, open, dispatch } =
    properties;
  return html`<${Section}
    id="whole"
    paper="figure 1"
    intro="A sentence goes in, a sentence in another language comes out. In between is a stack of encoders, which reads the sentence, and a stack of decoders, which writes the translation. Open a block to see its sublayers."
  >
    <div class="sentences">
      <${SentenceField} name="text" label="First sentence" value=${text}
        ...${{ texts, isLive, dispatch }} />
      <${SentenceField} name="text2" label="Second sentence, to compare" value=${text2}
        ...${{ texts, isLive, dispatch }} />
    </div>
    ${
      !isLive &&
      html`<p class="needs-model">This page contains recorded traces of these
      sentences, not the model. Another sentence needs a page with the model.</p>`
    }
    ${error && html`<p class="error" role="alert">${error}</p>`}
    ${trace && html`<${Translation} trace=${trace} dispatch=${dispatch} />`}
    ${
      trace &&
      html`<${Figure}
      name="stacks"
      caption="The stacks. Each decoder block also reads what the last encoder block wrote. A press on a block opens it; a press on an attention shows it below."
      draw=${(width) =>
        html`<${Stacks} trace=${trace} open=${open} width=${width} dispatch=${dispatch} />`}
    />`
    }
  <//>`;
});

function Translation({ trace, dispatch }) {
  const { source, target, search } = trace;
  const best = search?.hypotheses[0];
  const assessment = trace.assessments?.[0];
  const confidence = confidenceOf(assessment);
  return html`<div class="translation">
    <div>
      <h3>The model reads</h3>
      <${Tokens} tokens=${source.tokens} />
    </div>
    <div>
      <h3>${target.is_given ? "A given translation" : "The model writes"}</h3>
      <p class="target-text" dir="auto">${visible(target.text)}</p>
      <${Tokens} tokens=${target.tokens} />
      ${
        best &&
        html`<p class="muted">Log-probability ${number(best.log_probability)}, that
        is a probability of ${probability(best.log_probability)}.</p>`
      }
      ${
        confidence &&
        html`<p class="muted">Confidence ${confidence} ${" "}
          <button type="button" onClick=${() => dispatch({ section: "confidence" })}>
            Word by word</button></p>`
      }
      ${assessment && html`<${Defects} assessment=${assessment} />`}
    </div>
  </div>`;
}

function probability(logProbability) {
  const share = 100 * Math.exp(logProbability);
  return share > 1e-6 ? `${Number(share.toPrecision(2))} %` : "almost 0 %";
}
