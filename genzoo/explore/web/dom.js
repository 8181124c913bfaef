// Small helpers of the pages.

export const byId = (id) => document.getElementById(id);

/** An element with these properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Of some buttons the one that is pressed. */
export function press(buttons, pressed) {
  for (const one of buttons) one.ariaPressed = one === pressed;
}

/** A number as people read it: 1.25, −3.00. */
export const number = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

/** Offer a blob as a file. */
export function save(blob, name) {
  make("a", { href: URL.createObjectURL(blob), download: name }).click();
}
