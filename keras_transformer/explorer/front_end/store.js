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

  function write(how, next) {
    const address = `#${toHash(next, initial)}`;
    try {
      history[how](null, "", address);
    } catch {
      // A browser that forbids this for a file from disk, or so often.
      location.hash = address;
    }
  }

  // The address changes a little later, since browsers limit how often.
  let timer = 0;
  function replaceAddress() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      write("replaceState", state);
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
      write("replaceState", state);
      write("pushState", next);
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
