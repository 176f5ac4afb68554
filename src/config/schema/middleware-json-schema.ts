/** The JSON Schema of a configuration file, in which the options of the middleware that one configuration uses are described as well. */
import { asNode, orReplaced } from "./json-schema.ts";
import type { SchemaNode } from "./json-schema.ts";

/** What is known of the middleware of an entry. */
export interface DescribedUse {
  /** As the file says it. */
  readonly use: string;
  /** The JSON Schema of the options; null: they are not described. */
  readonly options: SchemaNode | null;
}

/**
 * The same schema of a file, in which each item of `middleware` is an entry for one of the described modules, or for another module.
 * @param file with an entry of the generic kind wherever there is `middleware`
 */
export function withDescribedMiddleware(file: SchemaNode, described: readonly DescribedUse[]): SchemaNode {
  const byUse = new Map(described.map((each) => [each.use, each.options]));
  if (byUse.size === 0) return file;
  const names = new Map([...byUse.keys()].map((use, index) => [use, `middleware-options-${index + 1}`]));
  const definitions = [...byUse].flatMap(([use, options]) => {
    const name = names.get(use) ?? "";
    return options === null ? [] : [[name, orReplaced(movedTo(`#/$defs/${name}`, options))] as const];
  });
  const items = (generic: SchemaNode): SchemaNode => ({
    anyOf: [
      ...[...byUse].map(([use, options]) => entryFor(generic, use, options, names.get(use) ?? "")),
      entryForOthers(generic, [...byUse.keys()]),
    ],
  });
  const { anyOf, ...rest } = file;
  const forms = Array.isArray(anyOf) ? anyOf : [];
  return {
    ...rest,
    anyOf: forms.map((form) => formWith(asNode(form), items)),
    $defs: { ...asNode(file["$defs"]), ...Object.fromEntries(definitions) },
  };
}

/** One form of the file, with other items of `middleware`, at the top, in routes and in the defaults of routes. */
function formWith(form: SchemaNode, items: (generic: SchemaNode) => SchemaNode): SchemaNode {
  const listed = (holder: SchemaNode): SchemaNode => inside(holder, "middleware", (list) => withItems(list, items));
  return inside(
    inside(listed(form), "routes", (routes) => withItems(routes, listed)),
    "defaults",
    (defaults) => inside(defaults, "routes", listed),
  );
}

/** The node with another value of that key, if it has the key. */
function inside(node: SchemaNode, key: string, change: (value: SchemaNode) => SchemaNode): SchemaNode {
  const properties = asNode(node["properties"]);
  return key in properties ? { ...node, properties: { ...properties, [key]: change(asNode(properties[key])) } } : node;
}

/** The list, or each list among its alternatives, with other items. */
function withItems(list: SchemaNode, change: (items: SchemaNode) => SchemaNode): SchemaNode {
  const { anyOf } = list;
  if (Array.isArray(anyOf)) return { ...list, anyOf: anyOf.map((each) => withItems(asNode(each), change)) };
  return list["items"] === undefined ? list : { ...list, items: change(asNode(list["items"])) };
}

function entryFor(generic: SchemaNode, use: string, options: SchemaNode | null, definition: string): SchemaNode {
  const properties = asNode(generic["properties"]);
  const described = options === null ? properties["options"] : { $ref: `#/$defs/${definition}` };
  const { description } = asNode(properties["use"]);
  // Without options the middleware gets `{}`, which a schema with required keys refuses.
  const isNeeded = Array.isArray(options?.["required"]) && options["required"].length > 0;
  return {
    ...generic,
    properties: { ...properties, use: { const: use, description }, options: described },
    required: isNeeded ? ["use", "options"] : ["use"],
  };
}

/** An entry for modules that are not described, so that a mistake in the options of one that is described is no entry for another. */
function entryForOthers(generic: SchemaNode, uses: readonly string[]): SchemaNode {
  const properties = asNode(generic["properties"]);
  return { ...generic, properties: { ...properties, use: { allOf: [asNode(properties["use"]), { not: { enum: uses } }] } } };
}

/** Keys of which the value is data and no schema. */
const DATA: ReadonlySet<string> = new Set(["const", "enum", "default", "examples"]);

/** The schema of a library at a place within another document: references to its own parts are moved with it. */
function movedTo(place: string, schema: SchemaNode): SchemaNode {
  const { $schema: _document, $id: _own, ...rest } = schema;
  const moved = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(moved);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]): [string, unknown] => {
        if (key === "$ref" && typeof each === "string" && each.startsWith("#")) return [key, `${place}${each.slice(1)}`];
        return [key, DATA.has(key) ? each : moved(each)];
      }),
    );
  };
  return asNode(moved(rest));
}
