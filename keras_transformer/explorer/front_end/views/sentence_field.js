// A field for a sentence: any text with the model, else one of those recorded.

import {
  html,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "../library.js";
import { shortened, visible } from "../token_text.js";

// A pause of typing after which the sentence is translated.
const PAUSE_MS = 500;

/** @param {string} name the name of the sentence in the state */
export function SentenceField({ name, label, value, texts, isLive, dispatch }) {
  const [draft, setDraft] = useState(value);
  const timer = useRef(0);
  // At once, not after the next key, which it would take back.
  useLayoutEffect(() => setDraft(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  function send(text) {
    clearTimeout(timer.current);
    dispatch({ [name]: text, shown: name === "text" ? 0 : 1 });
  }
  if (!isLive) {
    return html`<label class="field sentence"><span>${label}</span>
      <select value=${value} onChange=${(event) => send(event.target.value)}>
        ${!texts.includes(value) && html`<option value=${value} selected>${value === "" ? "none" : shortened(visible(value), 120)}</option>`}
        ${[...new Set(texts)].map(
          (text) =>
            html`<option value=${text} selected=${text === value}>${shortened(visible(text), 120)}</option>`,
        )}
      </select>
    </label>`;
  }
  return html`<form class="field sentence"
    onSubmit=${(event) => {
      event.preventDefault();
      send(draft);
    }}>
    <label><span>${label}</span>
      <input type="text" dir="auto" value=${draft} autocomplete="off" spellcheck=${false}
        onInput=${(event) => {
          const text = event.target.value;
          setDraft(text);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => send(text), PAUSE_MS);
        }} />
    </label>
  </form>`;
}
