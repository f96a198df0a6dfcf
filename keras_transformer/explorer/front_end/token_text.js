// Tokens as they are shown. They are text of unknown origin, so whatever is
// invisible or changes the direction of a line is written out.

import { html } from "./library.js";

const WORD_START = "\u2581";
// Control and format characters, line ends and halves of surrogate pairs, but
// not the two joiners, which belong to the spelling of words.
const INVISIBLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const RIGHT_TO_LEFT =
  /^[^\p{L}]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60\u{1f000}-\u{3fffd}]/u;

/** Text with ⟨U+202E⟩ in place of a character that cannot be seen. */
export function visible(text) {
  if (text === "") return "⟨empty⟩";
  return text.replace(INVISIBLE, (character) => {
    const code = character.codePointAt(0).toString(16).toUpperCase();
    return `⟨U+${code.padStart(4, "0")}⟩`;
  });
}

/** Text of at most `length` characters; an ellipsis stands for the rest. */
export function shortened(text, length) {
  const characters = Array.from(text);
  if (characters.length <= length) return text;
  return `${characters.slice(0, length - 1).join("")}…`;
}

/** A token without the mark of a word's start, for labels that are read out. */
export function plain(token, length = 40) {
  const word = token.startsWith(WORD_START) ? token.slice(1) : token;
  return shortened(visible(word || WORD_START), length);
}

/** Whether a word begins at this token, and what follows the mark. */
export function parts(token, length = 40) {
  const starts = token.startsWith(WORD_START);
  const text = starts ? token.slice(1) : token;
  return {
    starts,
    text: starts && text === "" ? "" : fitted(visible(text), length),
  };
}

/** Whether the first letter is of a script that is written to the left. */
export function isRightToLeft(text) {
  return RIGHT_TO_LEFT.test(text);
}

/** About how wide a text is, in units of the font's size. */
export function widthOf(text) {
  let width = 0;
  for (const character of text) width += widthOfOne(character);
  return width;
}

function widthOfOne(character) {
  if (WIDE.test(character)) return 1.05;
  if (/[mwMW@%—…]/.test(character)) return 0.92;
  return /[A-Z_]/.test(character) ? 0.7 : 0.58;
}

/** Text with the width of `length` middling characters at most. */
function fitted(text, length) {
  const most = length * 0.6;
  if (widthOf(text) <= most) return text;
  let width = 0.6;
  let kept = "";
  for (const character of text) {
    width += widthOfOne(character);
    if (width > most) break;
    kept += character;
  }
  return `${kept}…`;
}

/**
 * A token in a line of HTML, isolated from the direction around it.
 * @param {boolean} marked whether the start of a word is shown; not in prose
 */
export function Token({ token, length, marked = true }) {
  const { starts, text } = parts(token, length);
  return html`<bdi dir="auto" class="token-text"
    >${starts && (marked || text === "") && html`<span class="word-start" aria-hidden="true">▁</span>`}${text}</bdi
  >`;
}

/**
 * A token as text of an SVG figure. `anchor` is where it is held: "start" is
 * its left end, "end" its right end, whatever its direction.
 */
export function SvgToken({
  token,
  x,
  y,
  anchor = "start",
  length = 16,
  ...rest
}) {
  const { starts, text } = parts(token, length);
  const left = isRightToLeft(text);
  const turned = { start: "end", end: "start", middle: "middle" };
  return html`<text
    x=${x}
    y=${y}
    class="token"
    direction=${left ? "rtl" : "ltr"}
    unicode-bidi="isolate"
    text-anchor=${left ? turned[anchor] : anchor}
    ...${rest}
    >${starts && html`<tspan class="word-start">▁</tspan>`}${text}</text
  >`;
}
