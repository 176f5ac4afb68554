/** Reads a value that a program made, such as the export of a TypeScript configuration, into the tree that the checks work on. */
import type { Located, LocatedMap, Place } from "./document.ts";

/** The place of every value, because an object does not say where in a module a value was made (modules/literal-places.ts finds out). */
const FILE_START: Place = { line: 1, column: 1, computed: true };
/** Also ends the walk of an object that contains itself. */
const DEPTH_MAX = 64;

/**
 * The tree, or a message when the value is not plain data.
 * @param isVocabulary whether a key may be shown in the message (schema/foreign-keys.ts): any other may be a secret in a wrong place
 */
export function readObject(value: unknown, isVocabulary: (key: string) => boolean): LocatedMap | string {
  const faults: string[] = [];
  const shown = (key: string, position: number): string => (isVocabulary(key) ? key : `(key #${position + 1})`);
  const root = read(value, 0, "", faults, shown);
  if (faults[0] !== undefined) return faults[0];
  return root.kind === "map" ? root : "expected an object with keys such as listeners, upstreams and routes";
}

type Shown = (key: string, position: number) => string;

function read(value: unknown, depth: number, key: string, faults: string[], shown: Shown): Located {
  const nothing: Located = { kind: "scalar", at: FILE_START, value: null, plain: false, source: "" };
  if (depth > DEPTH_MAX) {
    faults.push(`${key} is nested more than ${DEPTH_MAX} levels deep`);
    return nothing;
  }
  if (value === null) return nothing;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return { kind: "scalar", at: FILE_START, value, plain: false, source: String(value) };
  }
  if (Array.isArray(value)) {
    return {
      kind: "list",
      at: FILE_START,
      items: value.map((item: unknown, index) => read(item, depth + 1, join(key, `#${index + 1}`), faults, shown)),
    };
  }
  if (typeof value !== "object") {
    const advice = typeof value === "function" && "definition" in value ? "; a middleware is put here by calling it" : "";
    faults.push(`${key === "" ? "the default export" : key} is a ${typeof value}; expected plain data${advice}`);
    return nothing;
  }
  if (isOpaque(value)) {
    faults.push(`${key === "" ? "the default export" : key} is no plain object; expected plain data`);
    return nothing;
  }
  const entries = new Map<string, { keyAt: Place; value: Located }>();
  for (const [index, [name, item]] of Object.entries(value).entries()) {
    if (name === "__proto__") faults.push(`${join(key, name)} is no key`);
    // A property that is undefined counts as absent, as optional properties do in TypeScript.
    if (item !== undefined)
      entries.set(name, { keyAt: FILE_START, value: read(item, depth + 1, join(key, shown(name, index)), faults, shown) });
  }
  return { kind: "map", at: FILE_START, entries };
}

/** Whether the value has contents that are not its keys, such as a Map, a Date, a RegExp or a Buffer: they would be lost. */
function isOpaque(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return false;
  return ArrayBuffer.isView(value) || Object.keys(value).length === 0;
}

function join(key: string, part: string): string {
  return key === "" ? part : `${key}.${part}`;
}
