// The head finder: which heads look from one word to another?

import { Select } from "../figures/controls.js";
import { html, useMemo } from "../library.js";
import { FoundHeads } from "../views/found_heads.js";
import { cellsOf, firstWords, rankHeads, wordsOf } from "./ranking.js";

const SIDES = { source: "sentence", target: "translation" };

/**
 * @param {object[]} traces of the sides; the first decides the order
 * @param {string|null} from id of a word, see `wordsOf`
 */
export function HeadFinder({ traces, from, to, dispatch }) {
  const [trace, other] = traces;
  const words = useMemo(() => wordsOf(trace), [trace]);
  const first = useMemo(() => firstWords(trace, words), [trace, words]);
  const query = words.find(({ id }) => id === from) ?? first.from;
  const key = words.find(({ id }) => id === to) ?? first.to;
  const options = words.map(({ id, side, label }) => [
    id,
    `${label} (${SIDES[side]})`,
  ]);
  const found = useMemo(
    () => withOther(rankHeads(trace, query, key), other, query, key),
    [trace, other, query, key],
  );
  return html`<section class="head-finder" aria-labelledby="head-finder-title">
    <h2 id="head-finder-title">Head finder</h2>
    <div class="controls">
      <${Select} label="From the word" value=${query.id} options=${options}
        onValue=${(value) => dispatch({ from: value })} />
      <${Select} label="to the word" value=${key.id} options=${options}
        onValue=${(value) => dispatch({ to: value })} />
    </div>
    ${
      found.length
        ? html`<${FoundHeads} found=${found} shown=${0} dispatch=${dispatch} />`
        : html`<p class="note">${
            cellsOf(trace, query, key)
              ? "There are no heads."
              : "No attention has both words: the encoder does not read the translation, and the decoder does not read its last token."
          }</p>`
    }
  </section>`;
}

/** The same heads with their weight in the trace to compare, if there is one. */
function withOther(found, other, query, key) {
  if (!other) return found;
  const words = wordsOf(other);
  const same = ({ side, label }) =>
    words.find((each) => each.side === side && each.label === label);
  const [from, to] = [same(query), same(key)];
  const ranked = from && to ? rankHeads(other, from, to) : [];
  return found.map((each) => {
    const weight = ranked.find(
      ({ attention, head }) =>
        attention === each.attention && head === each.head,
    )?.weight;
    return { ...each, compared: weight ?? null };
  });
}
