// The choice of a run and of a step of training, with a slider that plays.

import { Select, Slider } from "../figures/controls.js";
import { html, useEffect, useState } from "../library.js";
import { indexOfStep } from "./state.js";

const PLAY_MILLISECONDS = 700;

/**
 * @param {number} index which side, 0 or 1
 * @param {{run, step}} side what is chosen
 * @param {number[]} steps the steps of this run
 * @param {boolean} isLoaded whether the chosen step is drawn already
 */
export function Timeline({ index, side, runs, steps, isLoaded, dispatch }) {
  const [plays, setPlays] = useState(false);
  const at = indexOfStep(steps, side.step);
  const isLast = at >= steps.length - 1;
  const show = (next) => {
    const step = next === steps.length - 1 ? null : steps[next];
    dispatch({ side: index, step });
  };
  useEffect(() => {
    if (!plays) return undefined;
    if (isLast) {
      setPlays(false);
      return undefined;
    }
    if (!isLoaded) return undefined;
    const timer = setTimeout(() => show(at + 1), PLAY_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [plays, at, isLast, isLoaded]);
  function play() {
    if (!plays && isLast) show(0);
    setPlays(!plays);
  }
  const name = index === 0 ? "" : " to compare";
  return html`<div class="timeline" data-side=${index}>
    <${Select} label=${`Run${name}`} value=${side.run}
      options=${runs.map((run) => [run, run === "." ? "(logs)" : run])}
      onValue=${(run) => dispatch({ side: index, run })} />
    <button type="button" class="play" disabled=${steps.length < 2}
      aria-pressed=${plays} onClick=${play}>${plays ? "❚❚ Pause" : "▶ Play"}</button>
    <${Slider} label=${`Training step${name}`} min=${0} max=${Math.max(0, steps.length - 1)}
      step=${1} value=${at} disabled=${steps.length < 2}
      text=${steps.length ? steps[at].toLocaleString("en") : "none"}
      onValue=${(next) => {
        setPlays(false);
        show(next);
      }} />
  </div>`;
}
