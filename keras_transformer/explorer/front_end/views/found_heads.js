// Heads with the largest weight, each a button that shows it.

import { html } from "../library.js";
import { number } from "../numbers.js";
import { visible } from "../token_text.js";
import { attentionOf, readPath } from "../trace.js";

/**
 * Heads that give most weight to what was asked for, and where.
 * @param {object[]} found {attention, head, weight, query, key, cells}, and
 *   `compared`, the weight in another trace, which may be null
 */
export function FoundHeads({ found, shown, dispatch }) {
  return html`<h3>Heads with the largest weight</h3>
    <ul class="found-heads">
      ${found.slice(0, 5).map((each) => {
        const place = readPath(each.attention);
        const { label } = attentionOf(place.attention);
        const { head, weight, query, key, cells } = each;
        const choice = {
          ...place,
          head,
          heads: [head],
          cell: cells?.[shown] ?? [],
        };
        return html`<li><button type="button" onClick=${() => dispatch(choice)}>
          ${query && html`<b>${words(query)} → ${words(key)}</b> `}
          ${label} ${place.layer}, head ${head + 1}: ${number(weight)}${versus(each)}</button></li>`;
      })}
    </ul>`;
}

/** The words of the sentences: it, or animal/street. */
function words(list) {
  return [...new Set(list)].map(visible).join("/");
}

function versus({ compared }) {
  if (compared === undefined) return "";
  return compared === null ? " | –" : ` | ${number(compared)}`;
}
