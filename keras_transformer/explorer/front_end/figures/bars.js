// Numbers as horizontal bars, each with its token.

import { html } from "../library.js";
import { percent } from "../numbers.js";
import { plain, SvgToken } from "../token_text.js";
import { frame } from "./frame.js";
import { indexAfter } from "./keys.js";

const ROW = 26;

/**
 * Bars below each other.
 * @param {object[]} items {token, value (0 to 1), before (the value before a
 *   change, drawn faintly), note, isRest}
 * @param {function} onItem what a click does; null if bars cannot be chosen
 */
export function Bars({ items, width, label, chosen, onItem = null, most = 1 }) {
  const left = Math.min(132, Math.floor(width * 0.34));
  const noteSpace = items.some((each) => each.note) ? 64 : 0;
  const space = Math.max(40, width - left - 66 - noteSpace);
  const length = (value) => Math.max(0, (space * value) / most).toFixed(1);
  const list = items
    .map((each) => `${plain(each.token, 20)} ${percent(each.value)}`)
    .slice(0, 5)
    .join(", ");
  const isMenu = onItem !== null;

  function onKeyDown(event, index) {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onItem(items[index]);
      return;
    }
    const next = indexAfter(event.key, index, items.length);
    const target =
      next !== null && event.currentTarget.parentNode.children[next];
    if (!target) return;
    event.preventDefault();
    target.focus();
  }
  return html`<svg ...${frame(width, items.length * ROW + 4)} class="bars"
    role=${isMenu ? "group" : "img"} aria-label=${`${label}: ${list}`}>
    ${items.map((item, index) => {
      const y = index * ROW;
      const isButton = isMenu && !item.isRest;
      const button = isButton && {
        role: "button",
        tabindex: index === 0 ? 0 : -1,
        "aria-label": `${plain(item.token)}, ${percent(item.value)}`,
        onClick: () => onItem(item),
        onKeyDown: (event) => onKeyDown(event, index),
      };
      return html`<g class=${`bar${index === chosen ? " active" : ""}${isButton ? " button" : ""}`}
        ...${button || {}}>
        <rect class="bar-ground" x="0" y=${y + 1} width=${width} height=${ROW - 2} rx="4" />
        ${
          item.isRest
            ? html`<text class="muted" text-anchor="end" x=${left - 8} y=${y + 18}>${item.token}</text>`
            : html`<${SvgToken} token=${item.token} anchor="end"
              length=${Math.floor(left / 9)} x=${left - 8} y=${y + 18} />`
        }
        ${
          item.before !== undefined &&
          html`<rect class="bar-before" x=${left} y=${y + 6}
          width=${length(item.before)} height=${ROW - 12} />`
        }
        <rect class="bar-value" x=${left} y=${y + 8}
          width=${length(item.value)} height=${ROW - 16} />
        <text class="bar-number" x=${left + space + 6} y=${y + 18}>${percent(item.value)}</text>
        ${
          item.note &&
          html`<text class="muted" text-anchor="end" x=${width - 4} y=${y + 18}>${item.note}</text>`
        }
      </g>`;
    })}
  </svg>`;
}
