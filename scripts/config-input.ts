/**
 * Generates src/config/input.ts: the types of a configuration as people write it, with the text that an editor shows at each key. It is made
 * from the same JSON Schema as the reference page.
 */
import { alternatives, asNode, fullFormJsonSchema, keysAt, shortFormJsonSchema } from "../src/config/schema/json-schema.ts";
import type { SchemaNode } from "../src/config/schema/json-schema.ts";
import { mayBeOff } from "../src/config/schema/defaults-schema.ts";
import { defaultOf, valueOf } from "../src/config/reference/reference.ts";
import type { KeyPath } from "../src/values/finding.ts";

/** The greatest length of a line, in characters. */
const WIDTH = 140;

/** The text of src/config/input.ts. */
export function configInput(): string {
  const interfaces = new Interfaces();
  interfaces.add("Config", "A configuration as people write it, in its full form.", fullFormJsonSchema(), "");
  interfaces.add("ShortConfig", "The same in its short form, for one upstream.", shortFormJsonSchema(), "");
  return `/**
 * What people write into a configuration. Made from the schemas in src/config and src/features by \`npm run docs\`; a test compares both,
 * and the compiler that the types are those of the schemas. Longer than other files, because it has every key and its text.
 */
import type { Address, Duration, Size } from "../values/written.ts";
${interfaces.text()}
/** The keys that \`false\` takes out of a route. */
${keysOff("RouteKeyOff", "routes", ["routes", 0])}

/** The keys that \`false\` takes out of an upstream. */
${keysOff("UpstreamKeyOff", "upstreams", ["upstreams", ""])}
`;
}

function keysOff(name: string, kind: "routes" | "upstreams", path: KeyPath): string {
  const keys = keysAt(fullFormJsonSchema(), path)
    .filter((key) => mayBeOff(kind, key))
    .map((key) => `"${key}"`);
  const line = `export type ${name} = ${keys.join(" | ")};`;
  return line.length <= WIDTH ? line : `export type ${name} =${keys.map((key) => `\n  | ${key}`).join("")};`;
}

/** The types of texts of certain forms, by the titles that their schemas have. */
const TYPES: Readonly<Record<string, string>> = {
  duration: "Duration | 0",
  "duration or seconds": "Duration | number",
  size: "Size | number",
  address: "Address",
};

/** Collects the interfaces: one for each mapping of the configuration. Mappings with the same text share one. */
class Interfaces {
  private readonly bodies: Map<string, string> = new Map();
  private readonly names: Map<string, string> = new Map();

  /**
   * Adds the interface for a mapping and returns its name. An interface is written before those that it refers to.
   * @param path of the mapping, as on the reference page: `listeners[]`; "" for the whole configuration
   */
  add(name: string, about: string, schema: SchemaNode, path: string): string {
    const full = `${name}Input`;
    // A key that takes a mapping, or a list of the same, comes here twice.
    const isNew = !this.bodies.has(full);
    if (isNew) this.bodies.set(full, "");
    const body = this.body(schema, name, path);
    const known = this.names.get(body);
    if (known !== undefined) {
      if (isNew) this.bodies.delete(full);
      return known;
    }
    if (this.bodies.get(full) !== "") throw new Error(`two mappings would be named ${full}`);
    this.names.set(body, full);
    this.bodies.set(full, `${comment([about], "")}export interface ${full} {\n${body}}\n`);
    return full;
  }

  text(): string {
    return [...this.bodies.values()].map((body) => `\n${body}`).join("");
  }

  private body(schema: SchemaNode, parent: string, path: string): string {
    const required: readonly unknown[] = Array.isArray(schema["required"]) ? schema["required"] : [];
    return Object.entries(asNode(schema["properties"]))
      .map(([key, value]) => {
        const node = asNode(value);
        const isRequired = required.includes(key);
        const isSecret = valueOf(node).includes("secret");
        const name = isSecret ? "SecretCommand" : nameOf(key, node, parent);
        const type = this.type(node, name, path === "" ? key : `${path}.${key}`);
        const isOptional = !isRequired && type !== "unknown";
        return `${comment(textOf(node), "  ")}${member(`  ${key}${isRequired ? "" : "?"}:`, type, isOptional)}`;
      })
      .join("");
  }

  private type(node: SchemaNode, name: string, path: string): string {
    const known = TYPES[String(node["title"])];
    if (known !== undefined) return known;
    const types = new Set(alternatives(node).flatMap((each) => this.single(each, name, path)));
    // `string` includes every literal.
    const kept = [...types].filter((type) => !types.has("string") || !type.startsWith('"'));
    return kept.join(" | ");
  }

  private single(node: SchemaNode, name: string, path: string): readonly string[] {
    const known = TYPES[String(node["title"])];
    if (known !== undefined) return known.split(" | ");
    if ("const" in node) return [JSON.stringify(node["const"])];
    if (Array.isArray(node["enum"])) return node["enum"].map((word) => JSON.stringify(word));
    if (node["properties"] !== undefined) {
      const about = name === "SecretCommand" ? "A program in the place of a secret." : `The keys of \`${path}\` in a configuration.`;
      return [this.add(name, about, node, path)];
    }
    switch (node["type"]) {
      case "array": {
        const item = this.type(asNode(node["items"]), name, `${path}[]`);
        return [item.includes(" ") ? `(${item})[]` : `${item}[]`];
      }
      case "object":
        return [`Record<string, ${this.type(asNode(node["additionalProperties"]), name, `${path}.NAME`)}>`];
      case "integer":
        return ["number"];
      case "string":
      case "number":
      case "boolean":
        return [node["type"]];
      case undefined:
        return ["unknown"];
      default:
        throw new Error(`there is no type for ${JSON.stringify(node)}`);
    }
  }
}

/** The line of a key; a long list of words has one on each, as the formatter wants it. */
function member(start: string, type: string, isOptional: boolean): string {
  const line = `${start} ${type}${isOptional ? " | undefined" : ""};\n`;
  const [, words] = /^\((.+)\)\[\]$/.exec(type) ?? [];
  if (line.length <= WIDTH + 1 || words === undefined || !isOptional) return line;
  const each = words.split(" | ").map((word) => `        | ${word}\n`);
  return `${start}\n    | (\n${each.join("")}      )[]\n    | undefined;\n`;
}

/** The name of a key's interface: `RouteCors` for `cors` of a route, `Route` for `routes`. */
function nameOf(key: string, node: SchemaNode, parent: string): string {
  const isMany = alternatives(node).some((each) => each["properties"] === undefined && each["type"] !== "string");
  const word = (isMany ? key.replace(/s$/, "") : key).replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return parent === "Config" ? word : parent === "ShortConfig" ? `Short${word}` : `${parent}${word}`;
}

/** The comment of a key, as paragraphs: its meaning, then what the type does not say (kind of value, default). */
function textOf(node: SchemaNode): readonly string[] {
  const { description } = node;
  const value = valueOf(node);
  const facts = [
    /\bmappings?\b/.test(value) ? "" : value.charAt(0).toUpperCase() + value.slice(1),
    defaultOf(node) === "" ? "" : `Default: ${defaultOf(node)}`,
  ].filter((fact) => fact !== "");
  return [typeof description === "string" ? description : "", facts.length === 0 ? "" : `${facts.join(". ")}.`].filter(
    (text) => text !== "",
  );
}

/** The paragraphs as a JSDoc comment, on one line if it fits. */
function comment(paragraphs: readonly string[], indent: string): string {
  const texts = paragraphs.map((text) => text.replaceAll("*/", "*\\/"));
  const [first] = texts;
  if (first === undefined) return "";
  const line = `${indent}/** ${first} */`;
  if (texts.length === 1 && line.length <= WIDTH) return `${line}\n`;
  const lines = texts.flatMap((text, index) => [...(index === 0 ? [] : [""]), ...wrapped(text, WIDTH - indent.length - 3)]);
  return `${indent}/**\n${lines.map((each) => `${indent} *${each === "" ? "" : ` ${each}`}\n`).join("")}${indent} */\n`;
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
