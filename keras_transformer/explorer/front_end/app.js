// The whole page: a bar with the sentence and the settings, and the sections.

import { Bar } from "./bar.js";
import { html, useEffect, useMemo, useRef, useState } from "./library.js";
import { searchOf } from "./state.js";
import { Attribution } from "./views/attribution.js";
import { BeamSearch } from "./views/beam_search.js";
import { useChoices } from "./views/choices.js";
import { Confidence } from "./views/confidence.js";
import { Decoding } from "./views/decoding.js";
import { Embeddings } from "./views/embeddings.js";
import { HeadsOff } from "./views/heads_off.js";
import { LogitLens } from "./views/logit_lens.js";
import { ManyHeads } from "./views/many_heads.js";
import { Residuals } from "./views/residuals.js";
import { SelfAttention } from "./views/self_attention.js";
import { TwoSentences } from "./views/two_sentences.js";
import { Whole } from "./views/whole.js";

const NO_SENTENCE = {};

/** @param {{page, source, store}} properties see main.js */
export function App({ page, source, store }) {
  const [state, setState] = useState(store.get());
  store.subscribe(setState);
  const { dispatch } = store;
  useTheme(state.theme);
  useScroll(state.section);

  const results = [0, 1].map((index) =>
    index === 1 && state.text2.trim() === ""
      ? NO_SENTENCE
      : source.trace(requestOf(state, index, [])),
  );
  const shown = state.shown === 1 ? 1 : 0;
  const trace = useLast(results[shown].trace);
  const error = results[shown].error;
  const { isLive, texts } = source;
  const bar = html`<${Bar} ...${{ state, trace, dispatch, shown }} link=${store.link} />`;
  const whole = html`<${Whole} ...${{ trace, error, texts, isLive, dispatch }}
    text=${state.text} text2=${state.text2} open=${state.open} />`;
  return html`
    <a class="skip" href="#whole" onClick=${skip}>To the sentence</a>
    <header class="title">
      <h1>A Transformer, explained by its own numbers</h1>
      <p>The figures of The Illustrated Transformer, drawn from what this model
        computes for a sentence of yours.</p>
      ${page.notes?.map((note) => html`<p class="note">${note}</p>`)}
    </header>
    ${bar}
    <main>
      ${whole}
      ${trace && html`<${Sections} ...${{ page, source, state, shown, trace, results, dispatch }} />`}
    </main>`;
}

/** Goes to the sentence by the keyboard; the state stays as it is. */
function skip(event) {
  event.preventDefault();
  document.getElementById("whole-title").focus();
}

/** The sections below the first, each with the part of the state that it shows. */
function Sections({ page, source, state, shown, trace, results, dispatch }) {
  const { isLive } = source;
  const at = useChoices(state, trace);
  const { attention, layer, heads, head, cell, step, stepLayer, stepHead } = at;
  const { units, off, prefix, dropped } = state;
  const without =
    isLive && off.length > 0 ? source.trace(requestOf(state, shown, off)) : {};
  const chosen = { trace, attention, layer, dispatch };
  const latest = useRef(cell);
  latest.current = cell;
  // The same function each time, so that a new column draws no rows anew.
  const onRow = useMemo(
    () => (row, how) => dispatch({ cell: [row, latest.current[1]] }, how),
    [dispatch],
  );
  return html`
    <${Embeddings} trace=${trace} side=${state.side} dispatch=${dispatch} />
    <${SelfAttention} ...${{ ...chosen, heads, head, cell, units, shown }} found=${page.heads} />
    <${TwoSentences} ...${{ attention, layer, head, cell, units, shown, dispatch }}
      traces=${useSame(results.map((each) => each.trace))}
      errors=${useSame(results.map((each) => each.error))} />
    <${ManyHeads} ...${chosen} row=${cell[0]} onRow=${onRow} />
    <${Residuals} ...${chosen} row=${cell[0]} onRow=${onRow} />
    <${Decoding} ...${{ trace, step, stepLayer, stepHead, units, prefix, isLive, dispatch }}
      temperature=${state.temperature} topK=${state.topK} topP=${state.topP} />
    <${BeamSearch} ...${{ trace, dropped, isLive, dispatch }} kind=${state.kind}
      beam_size=${state.beam_size} top_beams=${state.top_beams} alpha=${state.alpha}
      penalty=${state.penalty} coverage=${state.coverage} />
    <${Confidence} trace=${trace} hypothesis=${state.hypothesis} dispatch=${dispatch} />
    <${LogitLens} trace=${trace} step=${step} dispatch=${dispatch} />
    <${HeadsOff} ...${{ trace, off, isLive, dispatch }} without=${without.trace} error=${without.error} />
    <${Attribution} ...${{ trace, stepLayer, stepHead, step, units, dispatch }} cell=${at.source} />`;
}

/** What is asked of the source of traces, for the first or the second sentence. */
function requestOf(state, index, off) {
  return {
    text: index === 0 ? state.text : state.text2,
    search: searchOf(state),
    prefixIds: index === state.shown ? state.prefix : [],
    offHeads: off.map((name) => {
      const [attention, head] = name.split(":");
      return { attention, head: Number(head) };
    }),
  };
}

/** The last value that was not empty. */
function useLast(value) {
  const last = useRef(value);
  if (value) last.current = value;
  return last.current;
}

/** The same array as long as its items are the same. */
function useSame(items) {
  const last = useRef(items);
  const isSame = items.every((each, index) => each === last.current[index]);
  if (!isSame) last.current = items;
  return last.current;
}

function useTheme(theme) {
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
}

function useScroll(section) {
  useEffect(() => {
    // After the figures, which have no height before they know their width.
    const scroll = () => document.getElementById(section)?.scrollIntoView();
    if (section) requestAnimationFrame(() => requestAnimationFrame(scroll));
  }, [section]);
}
