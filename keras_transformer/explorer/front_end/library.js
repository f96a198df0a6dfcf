// The view library, htm with Preact, and what this page adds to it.
//
// It compares what is drawn with what is to be drawn, so that the focus, the
// selection of a text field and a moved slider survive each change; a helper of
// our own that does this would be as long and less tested.

import {
  Component,
  useEffect as effect,
  html as htmTemplate,
  useLayoutEffect as layoutEffect,
  useState as localState,
  useMemo as memoize,
  useRef as reference,
  render as renderTree,
} from "./vendor/htm_preact.js";

export const html = htmTemplate;
export const render = renderTree;
export const useEffect = effect;
export const useLayoutEffect = layoutEffect;
export const useMemo = memoize;
export const useRef = reference;
export const useState = localState;

/**
 * Returns a component that is drawn again only if a property is another one.
 *
 * Properties are compared by identity: what is computed for a view is computed
 * in it, with `useMemo`, and functions that are given to it do not change.
 */
export function memo(View) {
  return class extends Component {
    shouldComponentUpdate(next) {
      const names = new Set([...Object.keys(next), ...Object.keys(this.props)]);
      names.delete("children");
      return [...names].some((name) => next[name] !== this.props[name]);
    }

    render(properties) {
      return html`<${View} ...${properties} />`;
    }
  };
}
