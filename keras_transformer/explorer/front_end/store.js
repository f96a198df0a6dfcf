// Keeps the state and the address the same.

import { changed, fromHash, toHash } from "./state.js";

/**
 * A store of the page's state.
 *
 * `dispatch(change)` makes a new entry of the browser's history, so that its
 * back button undoes the change. `dispatch(change, "replace")` makes none: for
 * what moves, such as a slider.
 * @returns {{get, subscribe, dispatch, link}}
 */
export function createStore(initial) {
  let state = fromHash(location.hash, initial);
  let listener = () => {};

  // The address changes a little later, since browsers limit how often.
  let timer = 0;
  function replaceAddress() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      history.replaceState(null, "", `#${toHash(state, initial)}`);
    }, 150);
  }

  function dispatch(change, how = "push") {
    const next = changed(state, change);
    const isSame = Object.keys(next).every(
      (name) => next[name] === state[name],
    );
    if (isSame) return;
    if (how === "push") {
      clearTimeout(timer);
      history.replaceState(null, "", `#${toHash(state, initial)}`);
      history.pushState(null, "", `#${toHash(next, initial)}`);
    }
    state = next;
    if (how === "replace") replaceAddress();
    listener(state);
  }

  function readAddress() {
    clearTimeout(timer);
    state = fromHash(location.hash, initial);
    listener(state);
  }

  addEventListener("popstate", readAddress);
  return {
    get: () => state,
    subscribe(next) {
      listener = next;
    },
    dispatch,
    link: (change) => `#${toHash({ ...state, ...change }, initial)}`,
  };
}
