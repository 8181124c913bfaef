// What the model is told: a control for each column, and all values as one row of numbers. An index that is not told is
// as large as its alphabet, and other numbers are NaN.

import { make } from "./dom.js";

const BUTTONS = 10; // more values of an index are a menu

/** The row that JSON has: null is not told. */
export const rowOf = (values) => values.map((value) => value ?? NaN);

const part = (row, { at, length }) => row.slice(at, at + length);

/** The values of a column as one writes them, "" where it is not told. */
function written({ size, names }, values) {
  const told = values.filter((value) => !Number.isNaN(value) && !(size && value === size));
  return told.map((value) => names[value] ?? value).join(" ");
}

/** The values that a text writes; throws what is wrong with it. */
export function read(column, text) {
  const { name, kind, size, names, optional, length, wanted, low, high, whole } = column, words = kind === "text";
  const parts = kind === "index" ? [text] : (words ? text.toLowerCase() : text).trim().split(/[\s,]+/);
  const told = text.trim() ? parts.map((word) => (names.includes(word) ? names.indexOf(word) : +word)) : [];
  const fit = told.every((value) => value >= low && value <= high && (!whole || Number.isInteger(value)));
  while (told.length < length && (words || (optional && !text))) told.push(size || NaN);
  if (told.length !== length || !fit) throw new Error(`${name} takes ${wanted}; got ${text || "nothing"}`);
  return told;
}

/** What is told otherwise than in `base`: [name, text] for a link. */
export function differences(columns, row, base) {
  const all = columns.map((column) => [column.name, ...[row, base].map((one) => written(column, part(one, column)))]);
  return all.filter(([, text, other]) => text !== other);
}

/** The row of a link, which has `text(name)` of a column, or null. */
export function restored(columns, base, text) {
  return columns.flatMap((column) => {
    try {
      return read(column, text(column.name));
    } catch {
      return part(base, column); // what it has cannot be told
    }
  });
}

/** What to tell another model: the same, where both have a column. */
export function handed(columns, row, own) {
  return columns.flatMap((column) => {
    const like = own.find(({ name, wanted }) => name === column.name && wanted === column.wanted);
    return restored([column], rowOf(column.default), () => like && written(like, part(row, like)));
  });
}

/** What is told, as keywords of Python. */
export function asPython(columns, row) {
  return columns.map((column) => {
    const { name, kind, names, length } = column, values = part(row, column), text = written(column, values);
    if (!text && kind !== "text") return "";
    return `, ${name}=${names.length ? JSON.stringify(text) : length === 1 ? text : `torch.tensor([${values}])`}`;
  }).join("");
}

/** Lay a control for each column, which calls tell(column, text); gives what shows a row. */
export function layGiven(columns, place, tell) {
  const shows = columns.map((column) => {
    const control = column.kind !== "index" ? box : column.size > BUTTONS ? menu : buttons;
    const [input, show] = control(column, (text) => tell(column, text)), group = control === buttons;
    const title = make(group ? "legend" : "span", {}, column.name.replaceAll("_", " "));
    place.append(make(group ? "fieldset" : "label", { className: "choice", title: column.doc }, title, input));
    return (row) => show(written(column, part(row, column)));
  });
  return (row) => shows.forEach((show) => show(row));
}

// Controls: the element of each, and what shows a text on it.

/** The values of an index as [text, what is shown]. */
function choices({ size, names, optional }) {
  const all = Array.from({ length: size }, (_, value) => Array(2).fill(names[value] ?? value));
  return optional ? [...all, ["", "untold"]] : all;
}

function buttons(column, tell) {
  const inputs = [], labels = choices(column).map(([value, shown]) => {
    inputs.push(make("input", { type: "radio", name: `given-${column.name}`, value, onchange: () => tell(value) }));
    return make("label", { className: "button" }, inputs.at(-1), shown);
  });
  return [make("span", {}, ...labels), (text) => inputs.forEach((input) => (input.checked = input.value === text))];
}

function menu(column, tell) {
  const options = choices(column).map(([value, textContent]) => make("option", { value, textContent }));
  const select = make("select", { onchange: () => tell(select.value) }, ...options);
  return [select, (text) => (select.value = text)];
}

/** For numbers or words. */
function box(column, tell) {
  const type = column.length === 1 && column.kind !== "text" ? "number" : "text";
  const input = make("input", { type, step: "any", autocomplete: "off", placeholder: column.optional ? "untold" : "" });
  input.onchange = () => {
    input.ariaInvalid = true; // until it is shown again
    tell(input.value);
  };
  return [input, (value) => Object.assign(input, { value, ariaInvalid: false })];
}
