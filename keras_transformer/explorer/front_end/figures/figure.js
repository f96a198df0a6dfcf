// A figure: a drawing, its caption, and buttons that save it as a picture.

import { html, useLayoutEffect, useRef, useState } from "../library.js";
import { savePng, saveSvg } from "./save.js";

const WIDEST = 960;

/**
 * A figure around one SVG element.
 * @param {string} name the name of the saved file
 * @param {string} caption what is seen
 * @param {function} draw makes the SVG from the width that there is
 */
export function Figure({ name, caption, draw, children }) {
  const body = useRef(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () =>
      setWidth(Math.min(WIDEST, Math.floor(body.current.clientWidth)));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(body.current);
    return () => observer.disconnect();
  }, []);
  const svg = () => body.current.querySelector("svg");
  return html`<figure class="figure" data-figure=${name}>
    <div class="figure-body" ref=${body}>${width > 0 && draw(width)}</div>
    ${children}
    <figcaption>
      <span>${caption}</span>
      <span class="save">
        <button type="button" onClick=${() => saveSvg(svg(), name)}
          aria-label=${`Save the figure ${name} as SVG`}>SVG</button>
        <button type="button" onClick=${() => savePng(svg(), name)}
          aria-label=${`Save the figure ${name} as PNG`}>PNG</button>
      </span>
    </figcaption>
  </figure>`;
}
