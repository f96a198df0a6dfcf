// A sentence as a row of tokens, one of which can be chosen.

import { html } from "../library.js";
import { isRightToLeft, plain, Token } from "../token_text.js";
import { indexAfter } from "./keys.js";

/**
 * A row of tokens as buttons; the arrow keys move the choice.
 * @param {string[]} tokens
 * @param {number|null} chosen
 * @param {function} onToken called with an index and "push" or "replace"
 */
export function TokenRow({
  tokens,
  chosen,
  onToken,
  label,
  classOf = () => "",
}) {
  const rightToLeft = tokens.filter(isRightToLeft).length > tokens.length / 2;
  function onKeyDown(event) {
    const next = indexAfter(event.key, chosen, tokens.length, rightToLeft);
    if (next === null) return;
    event.preventDefault();
    onToken(next, "replace");
    event.currentTarget.children[next].focus();
  }
  return html`<div class="token-row" role="listbox" aria-label=${label}
    aria-orientation="horizontal"
    dir=${rightToLeft ? "rtl" : "ltr"} onKeyDown=${onKeyDown}>
    ${tokens.map(
      (token, index) =>
        html`<span role="option" class=${`chip ${classOf(index)}`}
          aria-selected=${index === chosen}
          tabindex=${index === chosen ? 0 : -1}
          title=${plain(token, 200)}
          onClick=${() => onToken(index, "push")}><${Token} token=${token} /></span>`,
    )}
  </div>`;
}

/** The same row for reading only. */
export function Tokens({ tokens, classOf = () => "" }) {
  const rightToLeft = tokens.filter(isRightToLeft).length > tokens.length / 2;
  return html`<div class="token-row" dir=${rightToLeft ? "rtl" : "ltr"}>
    ${tokens.map(
      (token, index) =>
        html`<span class=${`chip ${classOf(index)}`} title=${plain(token, 200)}
          ><${Token} token=${token} /></span>`,
    )}
  </div>`;
}
