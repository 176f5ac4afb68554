/** Writes the reference page of the configuration, docs/configuration.md, from the schemas, so that the page says what is checked. */
import { EVERYWHERE } from "../schema/feature-keys.ts";
import { EXAMPLES } from "./reference-examples.ts";
import { alternatives, asNode, fullFormJsonSchema, secretCommandJsonSchema, shortFormJsonSchema } from "../schema/json-schema.ts";
import type { SchemaNode } from "../schema/json-schema.ts";

/** The text of the page. */
export function referencePage(): string {
  const [full, own] = [sectionsOf(fullFormJsonSchema()), shortFormSections()];
  return `${INTRODUCTION}
## Contents

${full.map(entryOf).join("\n")}
- [The short form](#the-short-form), for one upstream: ${own.map(linkTo).join(" · ")}

## The full form

${full.map(printed).join("\n")}
${SHORT_FORM}
${own.map(printed).join("\n")}
As in the full form: ${sameInBoth().join(", ")}.
`;
}

/** A part of the page: a top-level key, or a key of a listener, an upstream or a route that has keys of its own. */
export interface Section {
  readonly title: string;
  /** The place of its key (json-schema.ts), by which its example is found. */
  readonly key: string;
  readonly options: readonly Option[];
  readonly inside: readonly Section[];
}

/** Whose keys get sections, where they have keys themselves. */
const DIVIDED: Readonly<Record<string, string>> = { listeners: "listeners[].", upstreams: "upstreams.NAME.", routes: "routes[]." };

/** The sections of a form, in the order of the schema. */
export function sectionsOf(schema: SchemaNode): Section[] {
  return topKeys(schema).map((top) => {
    const options = optionsOf(schema).filter(({ key }) => key.split(/[.[]/, 1)[0] === top && !isRepeated(key));
    const prefix = DIVIDED[top];
    const programs = top === "secrets" ? optionsOf(secretCommandJsonSchema(), "SECRET.") : [];
    if (prefix === undefined) return { title: top, key: top, options: [...options, ...programs], inside: [] };
    const nameIn = ({ key }: Option): string => (key.startsWith(prefix) ? (key.slice(prefix.length).split(/[.[]/, 1)[0] ?? "") : "");
    const names = [...new Set(options.map(nameIn))].filter((name) => options.filter((option) => nameIn(option) === name).length > 1);
    return {
      title: top,
      key: top,
      options: options.filter((option) => !names.includes(nameIn(option)) || nameIn(option) === ""),
      inside: names
        .filter((name) => name !== "")
        .map((name) => ({
          title: `${prefix}${name}`,
          key: `${prefix}${name}`,
          options: options.filter((option) => nameIn(option) === name),
          inside: [],
        })),
    };
  });
}

export interface Option {
  /** The option's place, `listeners[].timeouts.idle` (json-schema.ts). */
  readonly key: string;
  /** What its value may be, in words. */
  readonly value: string;
  /** `required`, the default in code type, or "". */
  readonly standard: string;
  readonly meaning: string;
}

/** Every option of a form in the order of the schema. */
export function optionsOf(schema: SchemaNode, prefix: string = ""): Option[] {
  const required: readonly unknown[] = Array.isArray(schema["required"]) ? schema["required"] : [];
  return Object.entries(asNode(schema["properties"])).flatMap(([name, value]) => {
    const node = asNode(value);
    const key = `${prefix}${name}`;
    const standard = required.includes(name) ? "required" : defaultOf(node);
    return [{ key, value: valueOf(node), standard, meaning: textOf(node["description"]) }, ...optionsInside(node, key)];
  });
}

const INTRODUCTION = `# Configuration

<!-- Made from the schemas in src/config and src/features by \`npm run docs\`; a test compares both. -->

A configuration is a YAML or JSON file, or a TypeScript or JavaScript module whose default export is \`defineConfig({...})\`
([typescript.md](typescript.md)). The keys are
the same in all of them, and unknown keys are errors. \`millrace check\` prints every problem at once as \`file:line:column: key: message\`,
where \`#1\` is the first of a list, as in logs and metrics; \`millrace schema\` prints the JSON Schema for editors. Complete files: [examples](../examples).
The examples below are parts of a file: put the key beside the others.
\`check\` tries no port, host name or inherited descriptor, unlike \`nginx -t\`: it runs beside the process that holds them. A start or a
[reload](reload.md) tries them, and changes nothing where one fails.

- **Durations** are \`250ms\`, \`10s\`, \`5m\`, \`1h\`, or together \`1m30s\`. **Sizes** are \`64KiB\`, \`10MiB\`, \`10MB\`, \`10kB\`, or a number of bytes.
- **Environment**: \`\${NAME}\` and \`\${NAME:-default}\` in any value; \`$\${\` is a plain \`\${\`. A value without quotes that consists of them
  may become a number or true or false. It happens after the YAML is read, so what is put in cannot bring keys of its own.
- **Secrets** are \`admin.token\`, \`tokens\`, \`jwt.secret\`, \`oidc.client_secret\` and \`oidc.session.keys\` of \`authentication\`, passphrases of keys and \`hmac_key\`. \`file:PATH\` takes the first line of a file, its path
  relative to the folder of the file that says it; \`credential:NAME\` that of a file which systemd or Kubernetes lays; \`{ exec: [...] }\` what a program prints
  ([secrets.md](secrets.md)). All are read again while they are in use. Secrets are never printed, not even in messages about them; of all other texts messages
  show only what cannot be a secret.
- **Anchors** (\`&name\`, \`*name\`) and merge keys (\`<<: *name\`) of YAML work. An anchor stands where its value is
  first used: a key for anchors alone would be an unknown key. A text that begins with \`*\`, such as \`"*.example.com"\`, stands in quotes.
- **Several files**: \`include\` takes upstreams and routes from further files, and \`defaults\` says once what holds for all of them
  ([several-files.md](several-files.md)).
- Every limit has a default; there is no way to switch a time limit off.
`;

const SHORT_FORM = `## The short form

For one upstream. A file with \`backends\` at the top is in this form; keys of both forms in one file are an error. It becomes one listener,
one upstream named \`default\` and one route for everything, and \`GET /status\` is answered by the proxy itself on the same address. At
least one backend must become healthy within 10 s of the start, or the process ends with exit code 2 and says why for each.
Where the tables below say "duration or seconds" a bare number is seconds. An empty section counts as absent.

\`\`\`yaml
server: { address: ":8080", read_timeout: 30s, write_timeout: 60s, idle_timeout: 75s, max_header_bytes: 32KiB }
backends: [http://127.0.0.1:60408, { url: http://127.0.0.1:60409, weight: 2 }]
rate_limit: { requests_per_minute: 100, burst: 10 }
cors: { allowed_origins: ["https://app.example.com"], allowed_methods: [GET, POST], max_age: 3600 }
authentication: { enabled: true, required_token: "\${API_TOKEN}" }
health_check: { path: /health, frequency: 10s, timeout: 5s, healthy_threshold: 2 }
startup: { require_healthy: true, wait: 10s }
\`\`\`
`;

/** The sections of the short form that differ from those of the full form. The example of the form has them all. */
export function shortFormSections(): Section[] {
  const same = sameInBoth();
  return sectionsOf(shortFormJsonSchema())
    .filter(({ key }) => !same.includes(linkTo({ title: key })))
    .map((section) => ({ ...section, title: `Short form: ${section.key}` }));
}

/** Links to the sections of the full form that hold for the short form too. */
function sameInBoth(): string[] {
  const full = new Map(sectionsOf(fullFormJsonSchema()).map((section) => [section.key, tableOf(section)]));
  const short = sectionsOf(shortFormJsonSchema());
  return short.filter((section) => full.get(section.key) === tableOf(section)).map(({ key }) => linkTo({ title: key }));
}

function printed(section: Section): string {
  const { title, key, inside } = section;
  const example = title === key ? EXAMPLES[key] : undefined;
  const shown = example === undefined ? [] : ["```yaml fragment", example.trim(), "```", ""];
  const text = [`${key.includes(".") ? "####" : "###"} ${title}`, "", ...shown, tableOf(section)].join("\n");
  return [text, ...inside.map(printed)].join("\n");
}

function tableOf({ options }: Section): string {
  const lines = options.map(
    ({ key, value, standard, meaning }) => `| \`${key}\` | ${cell(value)} | ${cell(standard)} | ${cell(meaning)} |`,
  );
  return ["| key | value | default | meaning |", "|---|---|---|---|", ...lines, ""].join("\n");
}

/** A line of the contents. */
function entryOf(section: Section): string {
  const { inside } = section;
  const rest = inside.map(({ title, key }) => `[${key.slice(key.lastIndexOf(".") + 1)}](#${anchorOf(title)})`);
  return `- ${linkTo(section)}${rest.length === 0 ? "" : `: ${rest.join(" · ")}`}`;
}

function linkTo({ title }: Pick<Section, "title">): string {
  return `[${title.replace("Short form: ", "")}](#${anchorOf(title)})`;
}

/** The anchor that GitHub gives to a heading. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\w -]/g, "")
    .replaceAll(" ", "-");
}

/** Whether the key is inside `defaults`, or inside a feature's value at the top or in an upstream. The rows of routes and upstreams say the same. */
function isRepeated(key: string): boolean {
  if (/^defaults\.\w+\./.test(key)) return true;
  return EVERYWHERE.some((feature) =>
    [feature, `upstreams.NAME.${feature}`].some((place) => key.startsWith(`${place}.`) || key.startsWith(`${place}[]`)),
  );
}

function topKeys(schema: SchemaNode): string[] {
  return Object.keys(asNode(schema["properties"]));
}

function optionsInside(node: SchemaNode, key: string): Option[] {
  // A mapping with a title has the keys of another one, which the description names.
  if (typeof node["title"] === "string") return [];
  const all = alternatives(node);
  const mappings = all.filter((each) => each["properties"] !== undefined).map((each) => JSON.stringify(each));
  // A list of what may also stand alone has the same keys.
  const shown = all.filter((each) => each["items"] === undefined || !mappings.includes(JSON.stringify(each["items"])));
  return shown.flatMap((each) => {
    if (each["properties"] !== undefined) return optionsOf(each, `${key}.`);
    if (each["items"] !== undefined) return optionsInside(asNode(each["items"]), `${key}[]`);
    const inside = alternatives(asNode(each["additionalProperties"]));
    return inside.flatMap((one) => (one["properties"] === undefined ? [] : optionsOf(one, `${key}.NAME.`)));
  });
}

/** What a value may be, in words: the schema's title, or the kind of value. */
export function valueOf(node: SchemaNode): string {
  if (typeof node["title"] === "string") return node["title"];
  const kinds = alternatives(node).map((each) => {
    if (typeof each["title"] === "string") return each["title"];
    if (Array.isArray(each["enum"])) return each["enum"].map((word) => `\`${String(word)}\``).join(" or ");
    if (each["const"] !== undefined) return `\`${JSON.stringify(each["const"])}\``;
    if (each["items"] !== undefined) return `list of ${plural(valueOf(asNode(each["items"])))}`;
    if (each["type"] === "object") return "mapping";
    return each["type"] === "boolean" ? "`true` or `false`" : "text";
  });
  return [...new Set(kinds)].join(" or ");
}

function plural(kinds: string): string {
  return kinds
    .split(" or ")
    .map((kind) => kind.replace(/(s?)(,?)$/, (_, last: string, comma: string) => `${last === "" ? "s" : "ses"}${comma}`))
    .join(" or ");
}

/** The default as people write it, in code type; "" when there is none. */
export function defaultOf(node: SchemaNode): string {
  const value = node["default"];
  if (Array.isArray(value)) return `\`[${value.join(", ")}]\``;
  // The default of a section is left out, because its keys show theirs.
  const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return isPlain ? `\`${value}\`` : "";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The text of a table cell, in which a vertical bar must be escaped. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
