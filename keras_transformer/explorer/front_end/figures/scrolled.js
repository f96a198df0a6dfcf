// A box that scrolls if its figure is wider or taller than it.

import { html, useLayoutEffect, useRef, useState } from "../library.js";

/**
 * The box around a figure. If it scrolls, it can be focused, so that the arrow
 * keys scroll it; else it would only be one more stop of the tab key.
 * @param {boolean} tall whether the height is limited too
 */
export function Scrolled({ label, tall, children }) {
  const box = useRef(null);
  const [scrolls, setScrolls] = useState(false);
  useLayoutEffect(() => {
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } =
      box.current;
    setScrolls(scrollWidth > clientWidth || scrollHeight > clientHeight);
  });
  const focus = { tabindex: 0, role: "group", "aria-label": label };
  return html`<div class=${tall ? "scroll tall" : "scroll"} ref=${box}
    ...${scrolls ? focus : {}}>${children}</div>`;
}
