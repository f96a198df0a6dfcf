// The two stacks of blocks, with sublayers in those that are open.

import { html } from "../library.js";
import { shortened, visible } from "../token_text.js";
import { frame } from "./frame.js";

const BLOCK = 36;
const SUBLAYER = 30;
const GAP = 10;
const SUBLAYERS = {
  encoder: [
    ["Feed-forward", null],
    ["Self-attention", "encoder"],
  ],
  decoder: [
    ["Feed-forward", null],
    ["Encoder–decoder attention", "cross"],
    ["Self-attention", "decoder"],
  ],
};

/** Places of a stack's blocks, from the bottom up. */
function placesOf(stack, count, open) {
  const places = [];
  let height = 0;
  for (let layer = 1; layer <= count; layer += 1) {
    const isOpen = open.includes(`${stack}:${layer}`);
    const size = BLOCK + (isOpen ? SUBLAYERS[stack].length * SUBLAYER + 8 : 0);
    places.push({ layer, isOpen, bottom: height, size });
    height += size + GAP;
  }
  return { places, height };
}

export function Stacks({ trace, open, width, dispatch }) {
  const { num_encoder_layers, num_decoder_layers } = trace.model;
  const encoder = placesOf("encoder", num_encoder_layers, open);
  const decoder = placesOf("decoder", num_decoder_layers, open);
  const tall = Math.max(encoder.height, decoder.height);
  const height = tall + 118;
  const ground = height - 54;
  const between = width < 520 ? 26 : 90;
  const column = Math.min(300, (width - between) / 2 - 2);
  const left = (width - 2 * column - between) / 2;
  const right = left + column + between;
  const top = (place) => ground - place.bottom - place.size;
  const last = encoder.places[encoder.places.length - 1];
  const from = top(last) + last.size / 2;
  const middle = left + column + between / 2;
  const fit = Math.floor(column / 7.5);
  const toggle = (name) =>
    dispatch({
      open: open.includes(name)
        ? open.filter((each) => each !== name)
        : [...open, name],
    });
  const stack = (name, { places }, x, title) => html`<g>
    ${places.map(
      (place) =>
        html`<${Block} ...${{ stack: name, place, x, width: column, y: top(place), title, toggle, dispatch }} />`,
    )}
  </g>`;
  return html`<svg ...${frame(width, height)} class="stacks">
    <g class="arrow">
      ${arrow(left + column / 2, ground + 18, ground)}
      ${arrow(right + column / 2, ground + 18, ground)}
      ${arrow(right + column / 2, ground - decoder.height + GAP, 34 + tall - decoder.height)}
      <path d=${`M${left + column} ${from}H${middle}`} />
      ${decoder.places.map((place) => {
        const y = top(place) + BLOCK / 2;
        return html`<path d=${`M${middle} ${from}V${y}H${right - 6}`} />
          <path class="arrow-head" d=${`M${right - 1} ${y}l-8 -4v8z`} />`;
      })}
    </g>
    ${stack("encoder", encoder, left, "Encoder")}
    ${stack("decoder", decoder, right, "Decoder")}
    <text class="stack-text" text-anchor="middle" x=${left + column / 2} y=${height - 18}>
      ${shortened(visible(trace.source.text), fit)}</text>
    <text class="stack-text muted" text-anchor="middle" x=${right + column / 2} y=${height - 18}>
      ${shortened("what is written so far", fit)}</text>
    <text class="stack-text strong" text-anchor="middle" x=${right + column / 2}
      y=${24 + tall - decoder.height}>
      ${shortened(visible(trace.target.text), fit)}</text>
  </svg>`;
}

function arrow(x, from, to) {
  return html`<path d=${`M${x} ${from}V${to + 6}`} />
    <path class="arrow-head" d=${`M${x} ${to}l-4 8h8z`} />`;
}

function onPress(action) {
  return {
    role: "button",
    tabindex: 0,
    onClick: action,
    onKeyDown: (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      action();
    },
  };
}

function Block({ stack, place, x, y, width, title, toggle, dispatch }) {
  const { layer, isOpen, size } = place;
  const show = (attention) =>
    dispatch({ attention, layer, section: "self-attention" });
  return html`<g class=${`block ${stack}`}>
    <rect class="block-frame" x=${x} y=${y} width=${width} height=${size} rx="8" />
    <g class="button" aria-expanded=${isOpen} aria-label=${`${title} block ${layer}`}
      ...${onPress(() => toggle(`${stack}:${layer}`))}>
      <rect class="hit" x=${x + 2} y=${y + 2} width=${width - 4} height=${BLOCK - 4} rx="6" />
      <text x=${x + 14} y=${y + 23}>${title} ${layer}</text>
      <path class="caret" d=${
        isOpen
          ? `M${x + width - 26} ${y + 15}l5 6l5 -6`
          : `M${x + width - 24} ${y + 13}l6 5l-6 5`
      } />
    </g>
    ${
      isOpen &&
      SUBLAYERS[stack].map(([name, attention], index) => {
        const top = y + BLOCK + index * SUBLAYER;
        return html`<g class=${attention ? "button sublayer" : "sublayer"}
        ...${attention ? { "aria-label": `${name} of ${title} block ${layer}`, ...onPress(() => show(attention)) } : {}}>
        <rect class="hit" x=${x + 10} y=${top} width=${width - 20} height=${SUBLAYER - 6} rx="5" />
        <text x=${x + 20} y=${top + 17}>${shortened(name, Math.floor((width - 40) / 7))}</text>
      </g>`;
      })
    }
  </g>`;
}
