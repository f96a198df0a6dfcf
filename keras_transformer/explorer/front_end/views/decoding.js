// (7) Decoding step by step: what is read, what is looked at, what is written.

import { html, memo } from "../library.js";
import { DecodingSteps } from "./decoding_steps.js";
import { NeedsModel, Section } from "./section.js";

export const Decoding = memo(function Decoding(properties) {
  return html`<${Section}
    id="decoding"
    paper="sections 3.1 and 3.4"
    intro="The decoder writes one token after the other. At each step it reads what it has written, looks at it and at the source, and computes a number for each token of the vocabulary, the logit. A softmax turns the logits into probabilities."
  >
    <${DecodingSteps} ...${properties} />
    ${!properties.isLive && html`<${NeedsModel} what="Choosing another word, and having the rest translated from there," />`}
  <//>`;
});
