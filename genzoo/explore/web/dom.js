// Small helpers of the page.

export const byId = (id) => document.getElementById(id);

/** An element with these properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("aria-") || ["role", "scope"].includes(key)) element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

/** A button that sends no form. */
export const button = (properties, ...children) => make("button", { type: "button", ...properties }, ...children);

/** Codes as one array. */
export function joined(codes) {
  const all = new Float32Array(codes.length * codes[0].length);
  codes.forEach((code, k) => all.set(code, k * code.length));
  return all;
}

/** A number as people read it: 1.25, −3. */
export const number = (value, digits = 2) => String(+value.toFixed(digits)).replace("-", "−");

/** Offer bytes or a canvas as a file. */
export async function save(data, name) {
  const blob = data instanceof HTMLCanvasElement ? await new Promise((done) => data.toBlob(done)) : new Blob([data]);
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Leave the browser to paint and to answer. */
export const rest = () => new Promise((done) => setTimeout(done));
