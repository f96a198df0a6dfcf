// Starts the page: reads its data, makes the model if there is one, draws.
//
// `#page` is {"texts": two sentences to open with, "targets": a given translation
// or null for each, "traces": recorded traces, "heads": [{"attention", "head",
// "weight", "query", "key", "cells"}] or null, "notes": sentences to show}. Of a
// head, "query", "key" and "cells" have the words and the cell in each sentence.
// `#model` is there if the page contains the model.

import { App } from "./app.js";
import { createEngine } from "./engine/engine.js";
import { html, render } from "./library.js";
import { createSource } from "./sources.js";
import { initialState } from "./state.js";
import { createStore } from "./store.js";
import { readPath } from "./trace.js";

function read(id) {
  const element = document.getElementById(id);
  return element && JSON.parse(element.textContent);
}

/** The page opens with the head that was found to have the largest weight. */
function firstHead(heads) {
  if (!heads?.length) return {};
  const { attention, head, cells } = heads[0];
  return { ...readPath(attention), head, cell: cells?.[0] ?? [] };
}

function start() {
  const page = read("page");
  const model = read("model");
  const engine = model && createEngine(model);
  const source = createSource(page, engine);
  const recorded = page.traces[0]?.search;
  const search = engine?.search ?? {
    ...recorded?.settings,
    kind: recorded?.kind ?? "beam",
  };
  const texts = page.texts.length ? page.texts : source.texts;
  const initial = { ...initialState(texts, search), ...firstHead(page.heads) };
  const store = createStore(initial);
  const root = document.getElementById("app");
  root.textContent = "";
  render(html`<${App} ...${{ page, source, store }} />`, root);
}

start();
