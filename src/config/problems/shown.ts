/**
 * Decides which texts of a configuration messages may show. Any text may be a secret in a wrong place, so a text is shown only when its form
 * says that it is no secret. For all others, line and column must be enough.
 */
import { parseIpAddress } from "../../base/cidr.ts";
import { nodeAt } from "../document/document.ts";
import type { Located, LocatedScalar } from "../document/document.ts";
import type { KeyPath } from "../../values/finding.ts";
import { isVocabulary } from "../schema/foreign-keys.ts";
import { isPlainWord } from "../schema/plain-word.ts";
import { alternatives, asNode, step } from "../schema/json-schema.ts";
import type { SchemaNode } from "../schema/json-schema.ts";

/** Numbers with more digits are not shown; one could be the number of a card or an account. */
const DIGITS_MAX = 9;

/** The scalar as it is written in the file, in quotes if it is a text; null when it may not be shown. */
export function shownScalar({ value, source }: LocatedScalar): string | null {
  if (typeof value === "boolean") return source.includes("${") ? null : source;
  if (typeof value === "number") return isShortNumber(source) ? source : null;
  // The value of a variable may be secret, and so may a default after `:-`, so only a lone `${NAME}` is shown.
  const isHarmless = typeof value === "string" && (/^\$\{[A-Za-z_]/.test(source) ? isVariable(source) : isHarmlessText(source));
  if (isHarmless) return JSON.stringify(source);
  const scheme = /^(?:https?|wss?|ftp|tcp|udp|grpcs?|h2c|file|fcgi|redis|unix)(?=:\/\/)/i.exec(source)?.[0];
  return scheme === undefined ? null : JSON.stringify(`${scheme}://...`);
}

/**
 * Whether a text has the form of an environment variable's name in capitals. Other texts may be a secret, written where the name of its
 * variable belongs.
 */
export function isVariableName(name: string): boolean {
  return /^(?:[A-Z0-9]{1,4}|[A-Z]{1,20}[0-9]{0,2})(?:_(?:[A-Z0-9]{1,4}|[A-Z]{1,20}[0-9]{0,2}))*$/.test(name);
}

/**
 * The path of a file for a message. A text that does not look like a path is not shown: it may be the secret that belongs into the file.
 */
export function shownFile(path: string): string {
  const isPath = /^[^\p{Cc}]{1,200}$/u.test(path) && !/:\/\/|-----|:[^/]*@/.test(path);
  return isPath ? path : "the file (its name is not shown)";
}

function isVariable(source: string): boolean {
  const name = /^\$\{(\w+)\}$/.exec(source)?.[1];
  return name !== undefined && isVariableName(name);
}

function isShortNumber(source: string): boolean {
  return /^[-+.\deE]+$/.test(source) && source.replace(/\D/g, "").length <= DIGITS_MAX;
}

const QUANTITY = /^[-+]?(?:\d+(?:\.\d+)? ?(?:ns|us|ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?|[kmgt]|[kmgt]i?b|b|bytes?|%)?)+$/i;

function isHarmlessText(text: string): boolean {
  if (text.length <= 1) return true;
  if (text.length <= 20 && QUANTITY.test(text)) return isShortNumber(text.replace(/[^\d.]/g, ""));
  // A status range, or a port, alone or after `localhost` or `*`.
  if (/^\d{1,3}-\d{1,3}$/.test(text) || /^(?:localhost|\*)?:\d{1,6}$/.test(text)) return true;
  const [, host = ""] = /^\[?([0-9A-Fa-f.:]+?)\]?(?:\/\d{1,3}|:\d{1,6})?$/.exec(text) ?? [];
  return parseIpAddress(host) !== null || isVocabulary(text);
}

/**
 * The path as messages show it, with list positions from 1: `routes.#1.upstream`. A key that the schema does not know, and a name whose
 * value looks like nothing that belongs there, may be a secret in a wrong place. It is shown as its position: `(key #2)`.
 * @param lastIsHarmless whether the last key may be shown in any case
 */
export function shownPath(path: KeyPath, root: Located, schema: SchemaNode, lastIsHarmless: boolean): string {
  let nodes = alternatives(schema);
  return path
    .map((part, depth) => {
      const isKnown = nodes.some((node) => Object.hasOwn(asNode(node["properties"]), part));
      const isNamed = nodes.some((node) => typeof node["additionalProperties"] === "object");
      const isFree = nodes.length > 0 && nodes.every(takesAnything);
      nodes = nodes.flatMap((node) => alternatives(step(node, part)));
      if (typeof part === "number") return `#${part + 1}`;
      // A status or a class of them, such as 404 and 5xx, is no secret.
      if (isNamed && /^[1-5](?:\d\d|xx)$/.test(part)) return part;
      if (isKnown || (lastIsHarmless && depth === path.length - 1) || (isFree && isPlainWord(part))) return part;
      const to = path.slice(0, depth + 1);
      return isNamed && /^[\w.-]{1,64}$/.test(part) && hasKeyOf(nodes, nodeAt(root, to)) ? part : `(key #${positionOf(root, to)})`;
    })
    .join(".");
}

/** Whether the schema says nothing about the value: the options of somebody's middleware. */
function takesAnything(node: SchemaNode): boolean {
  return Object.keys(node).every((key) => key === "title" || key === "description");
}

/** Whether the value is a mapping with at least one key that belongs there, or that some proxy has. Then the name above it is no secret. */
function hasKeyOf(nodes: readonly SchemaNode[], value: Located | undefined): boolean {
  const isKnown = (key: string): boolean => nodes.some((node) => Object.hasOwn(asNode(node["properties"]), key)) || isVocabulary(key);
  return value?.kind === "map" && [...value.entries.keys()].some(isKnown);
}

function positionOf(root: Located, path: KeyPath): number {
  const node = nodeAt(root, path.slice(0, -1));
  return node?.kind === "map" ? [...node.entries.keys()].indexOf(String(path.at(-1))) + 1 : 0;
}
