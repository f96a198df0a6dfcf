// The whole tab: a sentence, one or two steps of training, and what the model
// did there.

import { Choice, Select } from "../figures/controls.js";
import { Tokens } from "../figures/token_row.js";
import { html, useMemo, useState } from "../library.js";
import { shortened, visible } from "../token_text.js";
import {
  HeadSelect,
  HeadsChoice,
  LayerChoice,
} from "../views/attention_choice.js";
import { AttentionPair } from "../views/attention_pair.js";
import { useChoices } from "../views/choices.js";
import { DecodingSteps } from "../views/decoding_steps.js";
import { HeadFinder } from "./head_finder.js";
import { useRuns, useSteps, useTrace } from "./loading.js";
import {
  changed,
  existing,
  INITIAL,
  indexOfStep,
  runsWith,
  sentencesOf,
} from "./state.js";
import { Timeline } from "./timeline.js";

const NO_PREFIX = [];

/** @param {object} server see server.js */
export function App({ server }) {
  const { listed, problem } = useRuns(server);
  const { runs, notes } = listed ?? {};
  const [chosen, setState] = useState(INITIAL);
  const dispatch = useMemo(
    () => (change) => setState((state) => changed(state, change)),
    [],
  );
  const state = existing(chosen, runs ?? {});
  const sides = [
    useSide(server, runs, state.tag, state.sides[0]),
    useSide(server, runs, state.tag, state.sides[1]),
  ];
  if (!runs) {
    return html`<p class="note">${problem ?? "The traces are loaded."}</p>`;
  }
  if (state.tag === null) return html`<${NoTraces} />`;
  const shown = sides.slice(0, state.sides.length);
  const ready = shown.filter(({ trace }) => trace);
  return html`
    <${Bar} ...${{ runs, notes, state, shown, problem, dispatch }} />
    <main>
      ${ready.length === shown.length && html`<${Shown} ...${{ state, shown, dispatch }} />`}
    </main>`;
}

/** What is shown of a side, if there is this side: its steps and its trace. */
function useSide(server, runs, tag, side) {
  const run = side?.run ?? null;
  const series = runs?.[run]?.[tag];
  const steps = useSteps(server, run, tag, side && series);
  const step = side && steps[indexOfStep(steps, side.step)];
  const loaded = useTrace(server, run, tag, step, series?.written);
  const problem = side && (series?.problem ?? loaded.problem);
  return { ...loaded, run, step, steps, series, problem };
}

/** The choices that stay at the top: sentence, runs and steps. */
function Bar({ runs, notes, state, shown, problem, dispatch }) {
  const sentences = sentencesOf(runs).map(([tag, text]) => [
    tag,
    shortened(visible(text), 90),
  ]);
  const names = runsWith(runs, state.tag);
  const isCompared = state.sides.length > 1;
  function compare() {
    const [first] = state.sides;
    const others = names.filter((run) => run !== first.run);
    // Another run if there is one, else the first step of the same.
    const second = others.length
      ? { run: others[0], step: first.step }
      : { run: first.run, step: -1 };
    dispatch({ sides: isCompared ? [first] : [first, second] });
  }
  return html`<div class="tab-bar" role="region" aria-label="Sentence, run and step">
    <div class="controls">
      <${Select} label="Sentence" value=${state.tag} options=${sentences}
        onValue=${(tag) => dispatch({ tag })} />
      <${Choice} label="Tokens" value=${state.units}
        options=${[["pieces", "pieces"], ["words", "words"]]}
        onValue=${(units) => dispatch({ units })} />
      <button type="button" aria-pressed=${isCompared} onClick=${compare}>Compare</button>
    </div>
    ${shown.map(
      ({ steps, isLoaded }, index) =>
        html`<${Timeline} key=${index} ...${{ index, steps, isLoaded, dispatch }}
          side=${state.sides[index]} runs=${names} />`,
    )}
    ${[problem, ...shown.map((each) => each.problem ?? notes[each.run])]
      .filter(Boolean)
      .map((text) => html`<p class="error" role="alert">${text}</p>`)}
  </div>`;
}

/** The figures of one trace or of two. */
function Shown({ state, shown, dispatch }) {
  const [first] = shown;
  const at = useChoices(state, first.trace);
  const { attention, layer, heads, head } = at;
  const trace = first.trace;
  const traces = shown.map((each) => each.trace);
  return html`
    <section aria-labelledby="attention-title">
      <h2 id="attention-title">Attention</h2>
      <div class="controls">
        <${LayerChoice} ...${{ trace, attention, layer, dispatch }} />
        <${HeadsChoice} count=${trace.model.num_heads} ...${{ heads, dispatch }} />
        <${HeadSelect} ...${{ heads, head, dispatch }} />
      </div>
      <${Sides} shown=${shown} draw=${(each, index) => html`
        <p class="target-text" dir="auto">${visible(each.trace.target.text)}</p>
        <${AttentionOf} ...${{ state, dispatch }} trace=${each.trace} name=${index ? "-2" : ""} />`} />
    </section>
    <${HeadFinder} traces=${traces} from=${state.from} to=${state.to} dispatch=${dispatch} />
    <section aria-labelledby="decoding-title">
      <h2 id="decoding-title">Decoding step by step</h2>
      <${Sides} shown=${shown} draw=${(each) =>
        html`<${Steps} trace=${each.trace} ...${{ state, dispatch }} />`} />
    </section>`;
}

function AttentionOf({ trace, state, name, dispatch }) {
  const { attention, layer, heads, head, cell } = useChoices(state, trace);
  const { units } = state;
  return html`<${AttentionPair} ...${{ trace, attention, layer, heads, head, cell, units, name, dispatch }} />`;
}

function Steps({ trace, state, dispatch }) {
  const { step, stepLayer, stepHead } = useChoices(state, trace);
  const { units, temperature, topK, topP } = state;
  return html`<h3>The model reads</h3>
    <${Tokens} tokens=${trace.source.tokens} />
    <h3>The model writes</h3>
    <${DecodingSteps} ...${{ trace, step, stepLayer, stepHead, units, temperature, topK, topP, dispatch }}
      prefix=${NO_PREFIX} isLive=${false} />`;
}

/** One or two columns, each with the name of its run and its step. */
function Sides({ shown, draw }) {
  return html`<div class=${shown.length > 1 ? "sides two" : "sides"}>
    ${shown.map(
      (each, index) => html`<div class="side" key=${index}>
        <p class="side-title">${each.run}, step ${(each.step ?? 0).toLocaleString("en")}</p>
        ${draw(each, index)}
      </div>`,
    )}
  </div>`;
}

function NoTraces() {
  return html`<p class="note">These logs have no traces. The trainer writes them
    for the sentences of --trace_sentences; in Python, kt.summaries.Traces does.</p>`;
}
