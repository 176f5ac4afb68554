/** JSON Schema (draft 2020-12) of a configuration file, made from the schemas that check it. */
import { z } from "zod";
import type { KeyPath } from "../values/finding.ts";
import { configSchema } from "./schema.ts";
import { shortSchema } from "./short-form.ts";

export type SchemaNode = Readonly<Record<string, unknown>>;

/** Both forms. */
export function fileJsonSchema(): SchemaNode {
  const { $schema, ...full } = fullFormJsonSchema();
  const { $schema: _same, ...short } = shortFormJsonSchema();
  return {
    $schema,
    title: "Millrace configuration",
    anyOf: [
      { title: "Full form", ...orReplaced(full) },
      { title: "Short form, for one upstream", ...orReplaced(short) },
    ],
  };
}

/** A text in which `${NAME}` is replaced: it may stand for any single value. */
const REPLACED: SchemaNode = { type: "string", pattern: String.raw`\$\{[A-Za-z_]` };

/** The same with what may stand in a file before its replacements are made. */
function orReplaced(node: SchemaNode): SchemaNode {
  const inside = Object.fromEntries(
    Object.entries(node).map(([key, value]): [string, unknown] => {
      if (key === "properties")
        return [key, Object.fromEntries(Object.entries(asNode(value)).map(([name, each]) => [name, orReplaced(asNode(each))]))];
      if (key === "items" || (key === "additionalProperties" && typeof value === "object")) return [key, orReplaced(asNode(value))];
      return [key, value];
    }),
  );
  if (Array.isArray(node["anyOf"])) {
    const offered = node["anyOf"].map(asNode);
    return {
      ...inside,
      anyOf: [...offered.map((each) => (isSingle(each) ? each : orReplaced(each))), ...(offered.some(isSingle) ? [REPLACED] : [])],
    };
  }
  if (!isSingle(node)) return inside;
  const { title, description, default: standard, ...rest } = inside;
  const said = { title, description, default: standard };
  return { ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)), anyOf: [rest, REPLACED] };
}

/** Whether only some single values fit, so that a replacement does not. */
function isSingle(node: SchemaNode): boolean {
  const { type, pattern, enum: values } = node;
  if (type === "string") return pattern !== undefined || values !== undefined;
  return type === "integer" || type === "number" || type === "boolean" || "const" in node;
}

/** Made when first asked for: most starts need neither. */
let [full, short]: [SchemaNode | null, SchemaNode | null] = [null, null];

export function fullFormJsonSchema(): SchemaNode {
  return (full ??= z.toJSONSchema(configSchema, { io: "input", target: "draft-2020-12" }));
}

export function shortFormJsonSchema(): SchemaNode {
  return (short ??= z.toJSONSchema(shortSchema, { io: "input", target: "draft-2020-12" }));
}

/** The keys that are known at a path; none where any name is allowed. */
export function keysAt(schema: SchemaNode, path: KeyPath): string[] {
  let nodes = alternatives(schema);
  for (const part of path) nodes = nodes.flatMap((node) => alternatives(step(node, part)));
  return [...new Set(nodes.flatMap((node) => Object.keys(asNode(node["properties"]))))];
}

/** The node itself, or what `anyOf` offers in its place. */
export function alternatives(node: SchemaNode): SchemaNode[] {
  const { anyOf } = node;
  return Array.isArray(anyOf) ? anyOf.flatMap((each) => alternatives(asNode(each))) : [node];
}

export function asNode(value: unknown): SchemaNode {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** Every key of the file, as `listeners[].timeouts.idle`; `NAME` stands for a name of the file's own. */
export function placesOf(schema: SchemaNode, prefix: string = ""): string[] {
  return alternatives(schema).flatMap((node) => {
    const { items, additionalProperties: inside } = node;
    return [
      ...Object.entries(asNode(node["properties"])).flatMap(([name, value]) => {
        const place = prefix === "" ? name : `${prefix}.${name}`;
        return [place, ...placesOf(asNode(value), place)];
      }),
      ...(items === undefined ? [] : placesOf(asNode(items), `${prefix}[]`)),
      ...(typeof inside === "object" ? placesOf(asNode(inside), `${prefix}.NAME`) : []),
    ];
  });
}

/** A path in the same spelling. */
export function placeName(schema: SchemaNode, path: KeyPath): string {
  let nodes = alternatives(schema);
  let place = "";
  for (const part of path) {
    const isKnown = nodes.some((node) => Object.hasOwn(asNode(node["properties"]), part));
    const isNamed = !isKnown && nodes.some((node) => typeof node["additionalProperties"] === "object");
    if (typeof part === "number") place += "[]";
    else place += `${place === "" ? "" : "."}${isNamed ? "NAME" : part}`;
    nodes = nodes.flatMap((node) => alternatives(step(node, part)));
  }
  return place;
}

export function step(node: SchemaNode, part: string | number): SchemaNode {
  if (typeof part === "number") return asNode(node["items"]);
  const properties = asNode(node["properties"]);
  return asNode(Object.hasOwn(properties, part) ? properties[part] : node["additionalProperties"]);
}
