// Starts the tab of TensorBoard, which calls `render` in a frame of its own.

import { html, render as renderTree } from "../library.js";
import { App } from "./app.js";
import { createServer } from "./server.js";

const STYLES = ["../style.css", "./tab.css"];

/** Draws the tab; TensorBoard calls it once. */
export async function render() {
  document.documentElement.lang = "en";
  await Promise.all(STYLES.map(addStyle));
  followTheme();
  const root = document.createElement("div");
  root.id = "app";
  document.body.append(root);
  const server = createServer(import.meta.url);
  renderTree(html`<${App} server=${server} />`, root);
}

function addStyle(path) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(path, import.meta.url).href;
  document.head.append(link);
  // Figures measure how wide they are, so the style must be there before them.
  return new Promise((resolve) => {
    link.onload = resolve;
    link.onerror = resolve;
  });
}

/** Dark as TensorBoard is dark, which its body's class says. */
function followTheme() {
  const { body } = window.parent.document;
  const follow = () => {
    const isDark = body.classList.contains("dark-mode");
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
  };
  follow();
  const options = { attributes: true, attributeFilter: ["class"] };
  new MutationObserver(follow).observe(body, options);
}
