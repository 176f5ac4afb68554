/**
 * The JSON Schema (draft 2020-12) of a configuration file, made from the zod schemas that check it, and walks over it: which keys are known at
 * a path, which keys there are at all. A *place* is a key as documentation writes it, `listeners[].timeouts.idle`, where `NAME` stands for a
 * name that the file chooses, as in `upstreams.NAME.tls`.
 */
import { z } from "zod";
import type { KeyPath } from "../../values/finding.ts";
import { secretCommandSchema } from "../../values/secret-command.ts";
import { mayBeOff } from "./defaults-schema.ts";
import { configSchema } from "./schema.ts";
import { shortSchema } from "./short-form.ts";

/** A part of a JSON Schema. */
export type SchemaNode = Readonly<Record<string, unknown>>;

/** The schema that `millrace schema` prints: a file in either form, or one that is included, before `${NAME}` is replaced. */
export function fileJsonSchema(): SchemaNode {
  const { $schema, ...full } = fullFormJsonSchema();
  const { $schema: _same, ...short } = shortFormJsonSchema();
  const written = withFalse(orReplaced(full));
  const { include, upstreams, routes } = asNode(written["properties"]);
  return {
    $schema,
    title: "Millrace configuration",
    anyOf: [
      {
        title: "Full form",
        ...written,
        required: ["listeners"],
        anyOf: [{ required: ["routes"] }, { required: ["include"] }],
      },
      { title: "Short form, for one upstream", ...orReplaced(short) },
      { title: "File that another one includes", type: "object", properties: { include, upstreams, routes }, additionalProperties: false },
    ],
  };
}

/** The full form, in which `false` may stand for the keys that it takes out of a route or an upstream. */
function withFalse(form: SchemaNode): SchemaNode {
  const holder = (kind: "routes" | "upstreams", node: SchemaNode): SchemaNode => ({
    ...node,
    properties: Object.fromEntries(
      Object.entries(asNode(node["properties"])).map(([key, value]) => [key, mayBeOff(kind, key) ? orFalse(asNode(value)) : value]),
    ),
  });
  const properties = asNode(form["properties"]);
  const [routes, upstreams] = [asNode(properties["routes"]), asNode(properties["upstreams"])];
  return {
    ...form,
    properties: {
      ...properties,
      routes: { ...routes, items: holder("routes", asNode(routes["items"])) },
      upstreams: { ...upstreams, additionalProperties: holder("upstreams", asNode(upstreams["additionalProperties"])) },
    },
  };
}

function orFalse({ title, description, ...rest }: SchemaNode): SchemaNode {
  const said = Object.fromEntries(Object.entries({ title, description }).filter(([, value]) => value !== undefined));
  return { ...said, anyOf: [...(Array.isArray(rest["anyOf"]) ? rest["anyOf"].map(asNode) : [rest]), { const: false }] };
}

/** A text with `${NAME}`, which may stand for any single value. */
const REPLACED: SchemaNode = { type: "string", pattern: String.raw`\$\{[A-Za-z_]` };

/** The same schema, in which any single value may also be a text with `${NAME}`. */
export function orReplaced(node: SchemaNode): SchemaNode {
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

/** Whether a node takes only certain single values, so that a text with `${NAME}` does not fit. */
function isSingle(node: SchemaNode): boolean {
  const { type, pattern, enum: values } = node;
  if (type === "string") return pattern !== undefined || values !== undefined;
  return type === "integer" || type === "number" || type === "boolean" || "const" in node;
}

/** The schemas of both forms, made when first asked for, because most starts need neither. */
let [full, short]: [SchemaNode | null, SchemaNode | null] = [null, null];

/** The schema of the full form, for values after `${NAME}` was replaced. */
export function fullFormJsonSchema(): SchemaNode {
  return (full ??= withCommands(z.toJSONSchema(configSchema, AS_WRITTEN)));
}

/** The schema of the short form, for values after `${NAME}` was replaced. */
export function shortFormJsonSchema(): SchemaNode {
  return (short ??= withCommands(z.toJSONSchema(shortSchema, AS_WRITTEN)));
}

const AS_WRITTEN = { io: "input", target: "draft-2020-12" } as const;

/** The schema of a program in the place of a secret. */
export function secretCommandJsonSchema(): SchemaNode {
  const { $schema: _same, ...command } = z.toJSONSchema(secretCommandSchema, AS_WRITTEN);
  return command;
}

/** The schema in which a program may stand wherever a secret may. */
function withCommands(schema: SchemaNode): SchemaNode {
  const command = secretCommandJsonSchema();
  const added = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(added);
    if (typeof value !== "object" || value === null) return value;
    const node = Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, added(inside)]));
    if (node["title"] !== "secret" || node["type"] !== "string") return node;
    const { title, description, ...text } = node;
    return { title, ...(description === undefined ? {} : { description }), anyOf: [text, command] };
  };
  return asNode(added(schema));
}

/** The keys that a mapping at `path` may have; none when the file chooses its keys. */
export function keysAt(schema: SchemaNode, path: KeyPath): string[] {
  let nodes = alternatives(schema);
  for (const part of path) nodes = nodes.flatMap((node) => alternatives(step(node, part)));
  return [...new Set(nodes.flatMap((node) => Object.keys(asNode(node["properties"]))))];
}

/** The alternatives of a node with `anyOf`, else the node itself. */
export function alternatives(node: SchemaNode): SchemaNode[] {
  const { anyOf } = node;
  return Array.isArray(anyOf) ? anyOf.flatMap((each) => alternatives(asNode(each))) : [node];
}

/** The value as a node; an empty one when it is no mapping. */
export function asNode(value: unknown): SchemaNode {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** The places of all keys. */
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

/** The place of the key at `path`. */
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

/** The node for one key, or one item, of a node; an empty one when there is none. */
export function step(node: SchemaNode, part: string | number): SchemaNode {
  if (typeof part === "number") return asNode(node["items"]);
  const properties = asNode(node["properties"]);
  return asNode(Object.hasOwn(properties, part) ? properties[part] : node["additionalProperties"]);
}
