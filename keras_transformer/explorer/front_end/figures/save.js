// Saves a figure as SVG or PNG. What the page's style says about it is written
// into the copy, since a file has no style of the page.

const PROPERTIES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-opacity",
  "stroke-dasharray",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "font-style",
  "paint-order",
  "shape-rendering",
];
const SCALE = 2;

/** The text of an SVG file that looks like the figure. */
export function svgText(svg) {
  const copy = svg.cloneNode(true);
  const originals = [svg, ...svg.querySelectorAll("*")];
  const copies = [copy, ...copy.querySelectorAll("*")];
  originals.forEach((original, index) => {
    const style = getComputedStyle(original);
    for (const property of PROPERTIES) {
      const value = style.getPropertyValue(property);
      if (value) copies[index].setAttribute(property, value);
    }
    for (const name of ["class", "tabindex", "role"]) {
      copies[index].removeAttribute(name);
    }
  });
  for (const each of copy.querySelectorAll("[data-cursor]")) each.remove();
  const { width, height } = sizeOf(svg);
  const ground = document.createElementNS(svg.namespaceURI, "rect");
  ground.setAttribute("width", width);
  ground.setAttribute("height", height);
  ground.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
  copy.prepend(ground);
  copy.setAttribute("xmlns", svg.namespaceURI);
  return new XMLSerializer().serializeToString(copy);
}

function sizeOf(svg) {
  return {
    width: Number(svg.getAttribute("width")),
    height: Number(svg.getAttribute("height")),
  };
}

export function saveSvg(svg, name) {
  save(new Blob([svgText(svg)], { type: "image/svg+xml" }), `${name}.svg`);
}

/** Draws the SVG into a canvas, at twice its size, and saves that. */
export function savePng(svg, name) {
  const { width, height } = sizeOf(svg);
  const image = new Image();
  image.addEventListener("load", () => {
    const canvas = document.createElement("canvas");
    canvas.width = width * SCALE;
    canvas.height = height * SCALE;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(blob, `${name}.png`), "image/png");
  });
  const text = encodeURIComponent(svgText(svg));
  image.src = `data:image/svg+xml;charset=utf-8,${text}`;
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads the blob after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
