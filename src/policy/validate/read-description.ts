/**
 * Makes a description of an API (description.ts) of an OpenAPI document of version 3.0 or 3.1 and the files beside it to which it refers. All that is
 * wrong with it is found here, in the main thread, with its place.
 */
import type { DescribedContent, DescribedOperation, DescribedParameter, DescriptionHead } from "./description.ts";
import { namesOf } from "./path-table.ts";
import type { LinearRegex } from "./scalar-checks.ts";
import { SchemaReader, inside, ownEntries, valuesOf } from "./schema-reader.ts";
import type { Place } from "./schema-reader.ts";

export interface DocumentProblem {
  readonly at: Place;
  readonly message: string;
  /** Something that cannot be checked, and whose description may be used otherwise. */
  readonly isUnsupported: boolean;
}

export interface DocumentOptions {
  /** The document's own file. References lead to files in its folder and below. */
  readonly file: string;
  /** The content of a file, as a tree of plain values. Throws an Error whose message says why there is none. */
  readonly open: (file: string) => unknown;
  readonly compileRegex: (re2: string) => LinearRegex;
  /** Writes a literal segment of a path as paths of requests are compared. */
  readonly canonicalSegment: (segment: string) => string;
}

export interface ReadDescription {
  /** JSON texts; the first one is the head. */
  readonly pieces: readonly string[];
  readonly operations: number;
  readonly problems: readonly DocumentProblem[];
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"] as const;
const PLACES: ReadonlySet<unknown> = new Set(["path", "query", "header", "cookie"]);
/** Fields whose description OpenAPI ignores: others describe them. */
const OTHER_FIELDS: ReadonlySet<string> = new Set(["accept", "content-type", "authorization"]);
const STYLES: Readonly<Record<string, readonly string[]>> = {
  path: ["simple"],
  query: ["form", "spaceDelimited", "pipeDelimited", "deepObject"],
  header: ["simple"],
  cookie: ["form"],
};
const REFERENCES_MAX = 20;
const PIECES_MAX = 200_000;

export function readDescription(options: DocumentOptions): ReadDescription {
  return new DocumentReader(options).read();
}

interface Found {
  readonly value: unknown;
  readonly at: Place;
}

class DocumentReader {
  private readonly options: DocumentOptions;
  private readonly files: Map<string, unknown> = new Map();
  private readonly problems: DocumentProblem[] = [];
  /** Null where a piece is still to be read. */
  private readonly pieces: (string | null)[] = [null];
  private readonly numbers: Map<string, number> = new Map();
  private readonly toRead: { readonly piece: number; readonly found: Found }[] = [];
  private schemas: SchemaReader;
  private operations: number = 0;

  constructor(options: DocumentOptions) {
    this.options = options;
    this.schemas = this.schemaReader(true);
  }

  read(): ReadDescription {
    const root: Place = { file: this.options.file, keys: [] };
    const document = valuesOf(this.opened(root));
    if (document === null) {
      // A file that cannot be opened has been reported.
      if (this.problems.length === 0) this.problem(root, "expected an OpenAPI document");
    } else if (this.hasVersion(document, root)) this.head(document, root);
    const pieces = this.problems.some(({ isUnsupported }) => !isUnsupported) ? [] : this.pieces.map((piece) => piece ?? "true");
    return { pieces, operations: this.operations, problems: this.problems };
  }

  private hasVersion(document: Record<string, unknown>, root: Place): boolean {
    const { openapi, swagger } = document;
    const version = typeof openapi === "string" ? (/^3\.[01](?=\.|$)/.exec(openapi)?.[0] ?? "") : "";
    if (version === "") {
      this.problem(inside(root, swagger === undefined ? "openapi" : "swagger"), "expected a document of OpenAPI 3.0 or 3.1");
      return false;
    }
    this.schemas = this.schemaReader(version === "3.0");
    const dialect = document["jsonSchemaDialect"];
    if (
      typeof dialect === "string" &&
      !/^https:\/\/(?:spec\.openapis\.org\/oas\/3\.1\/dialect\/|json-schema\.org\/draft\/2020-12\/schema)/.test(dialect)
    )
      this.unsupported(inside(root, "jsonSchemaDialect"), "schemas are read as JSON Schema 2020-12");
    return true;
  }

  private head(document: Record<string, unknown>, root: Place): void {
    const paths = valuesOf(document["paths"]);
    if (paths === null) return this.problem(inside(root, "paths"), "expected the paths of the API");
    const servers = document["servers"];
    const described = Object.entries(paths).flatMap(([template, item]) => {
      const at = inside(root, "paths", template);
      if (template.startsWith("x-")) return [];
      if (/[?#]/.test(template)) {
        this.unsupported(at, "it is left out: a path ends before ? and #");
        return [];
      }
      if (template.startsWith("/")) return this.path(template, this.resolved({ value: item, at }), servers);
      this.problem(at, "a path begins with a slash");
      return [];
    });
    if (this.operations === 0 && this.problems.length === 0) this.problem(inside(root, "paths"), "it describes no operation");
    const head: DescriptionHead = { paths: described };
    this.pieces[0] = JSON.stringify(head);
    for (let next = this.toRead.pop(); next !== undefined; next = this.toRead.pop()) {
      this.pieces[next.piece] = JSON.stringify(this.schemas.read(next.found.value, next.found.at));
    }
  }

  private path(template: string, { value, at }: Found, documentServers: unknown): DescriptionHead["paths"][number][] {
    const item = valuesOf(value);
    if (item === null) {
      this.problem(at, "expected a mapping with operations");
      return [];
    }
    const shared = this.parameters(item["parameters"], inside(at, "parameters"), template);
    const operations: Record<string, number> = {};
    const bases: Record<string, readonly string[]> = {};
    for (const method of METHODS) {
      const found = this.resolved({ value: item[method], at: inside(at, method) });
      const operation = valuesOf(found.value);
      if (operation === null) continue;
      this.operations++;
      const piece = this.addPiece(JSON.stringify(this.operation(operation, found.at, shared, template)));
      operations[method.toUpperCase()] = piece;
      bases[method.toUpperCase()] = this.bases(operation["servers"] ?? item["servers"] ?? documentServers);
    }
    return [{ template: this.canonical(template), operations, bases }];
  }

  /** The paths of servers, in canonical form. */
  private bases(servers: unknown): readonly string[] {
    const list: readonly unknown[] = Array.isArray(servers) && servers.length > 0 ? servers : [{ url: "/" }];
    return [...new Set(list.map((server) => this.canonical(basePathOf(valuesOf(server) ?? {}))))];
  }

  private canonical(template: string): string {
    return template
      .split("/")
      .map((segment) =>
        segment.replace(/(\{[^{}]*\})|[^{}]+/g, (text, name: unknown) =>
          typeof name === "string" ? text : this.options.canonicalSegment(text),
        ),
      )
      .join("/");
  }

  private operation(
    operation: Record<string, unknown>,
    at: Place,
    shared: readonly DescribedParameter[],
    template: string,
  ): DescribedOperation {
    const own = this.parameters(operation["parameters"], inside(at, "parameters"), template);
    const isOwn = (other: DescribedParameter): boolean => own.some((each) => each.in === other.in && each.name === other.name);
    return {
      parameters: [...shared.filter((each) => !isOwn(each)), ...own],
      body: this.body(operation["requestBody"], inside(at, "requestBody")),
      responses: this.responses(operation["responses"], inside(at, "responses")),
    };
  }

  private parameters(list: unknown, at: Place, template: string): DescribedParameter[] {
    if (list === undefined) return [];
    if (!Array.isArray(list)) {
      this.unsupported(at, "expected a list of parameters");
      return [];
    }
    return list.flatMap((each, index) => this.parameter(this.resolved({ value: each, at: inside(at, String(index)) }), template));
  }

  private parameter({ value, at }: Found, template: string): DescribedParameter[] {
    const given = valuesOf(value);
    const name = given?.["name"];
    const place = given?.["in"];
    if (given === null || typeof name !== "string" || !PLACES.has(place)) {
      this.unsupported(at, "expected a parameter with `name` and `in`");
      return [];
    }
    if (place === "header" && OTHER_FIELDS.has(name.toLowerCase())) return [];
    if (place === "path" && !namesOf(template).includes(name)) {
      this.unsupported(at, `the path has no {${name}}`);
      return [];
    }
    const styles = STYLES[String(place)] ?? [];
    const style = given["style"] ?? styles[0];
    if (typeof style !== "string" || !styles.includes(style)) {
      this.unsupported(inside(at, "style"), "parameters of this style are not checked");
      return [];
    }
    const content = valuesOf(given["content"]);
    const [type = "", media] = content === null ? [] : (Object.entries(content)[0] ?? []);
    const isJson = /^application\/(?:[^;]*\+)?json *(?:;|$)/i.test(type);
    const schema =
      content === null
        ? given["schema"] === undefined
          ? true
          : this.schemas.read(given["schema"], inside(at, "schema"))
        : isJson
          ? this.schemas.read(valuesOf(media)?.["schema"] ?? true, inside(at, "content", type, "schema"))
          : true;
    return [
      {
        in: place as DescribedParameter["in"],
        name,
        // A path without one of its parameters is another path.
        required: given["required"] === true,
        style,
        explode: typeof given["explode"] === "boolean" ? given["explode"] : style === "form" || style === "deepObject",
        allowsEmpty: given["allowEmptyValue"] === true,
        isJson,
        schema,
      },
    ];
  }

  private body(value: unknown, at: Place): DescribedOperation["body"] {
    if (value === undefined) return null;
    const found = this.resolved({ value, at });
    const body = valuesOf(found.value);
    if (body === null) return null;
    return { required: body["required"] === true, content: this.content(body["content"], inside(found.at, "content")) };
  }

  private responses(value: unknown, at: Place): DescribedOperation["responses"] {
    const read = Object.entries(valuesOf(value) ?? {}).flatMap(([status, each]): [string, DescribedContent][] => {
      if (!/^(?:[1-5]\d\d|[1-5]XX|default)$/i.test(status)) return [];
      const found = this.resolved({ value: each, at: inside(at, status) });
      const content = valuesOf(found.value)?.["content"];
      return [[status.toLowerCase() === "default" ? "default" : status.toUpperCase(), this.content(content, inside(found.at, "content"))]];
    });
    return ownEntries(read) as DescribedOperation["responses"];
  }

  private content(value: unknown, at: Place): DescribedContent {
    const read = Object.entries(valuesOf(value) ?? {}).map(([type, each]): [string, unknown] => {
      const found = this.resolved({ value: each, at: inside(at, type) });
      const schema = valuesOf(found.value)?.["schema"];
      const name = type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
      return [name, schema === undefined || !isChecked(name) ? true : this.schemas.read(schema, inside(found.at, "schema"))];
    });
    return ownEntries(read);
  }

  // ---- references ---------------------------------------------------------------------------------------------------

  private schemaReader(isOld: boolean): SchemaReader {
    return new SchemaReader({
      isOld,
      compileRegex: this.options.compileRegex,
      refer: (reference, at) => this.refer(reference, at),
      target: (reference, at) => this.found(reference, at, true)?.value,
      unsupported: (at, message) => this.unsupported(at, message),
    });
  }

  private refer(reference: string, at: Place): number | null {
    const found = this.found(reference, at, false);
    if (found === null) return null;
    const key = `${found.at.file}#${found.at.keys.join("\n")}`;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const piece = this.addPiece(null);
    this.numbers.set(key, piece);
    this.toRead.push({ piece, found });
    return piece;
  }

  private addPiece(text: string | null): number {
    if (this.pieces.length === PIECES_MAX) this.problem({ file: this.options.file, keys: [] }, `it has more than ${PIECES_MAX} schemas`);
    return this.pieces.push(text) - 1;
  }

  /** Follows references at the place of something that is no schema. */
  private resolved(given: Found): Found {
    let found = given;
    for (let count = 0; count < REFERENCES_MAX; count++) {
      const reference = valuesOf(found.value)?.["$ref"];
      if (typeof reference !== "string") return found;
      const next = this.found(reference, inside(found.at, "$ref"), false);
      if (next === null) return { value: undefined, at: found.at };
      found = next;
    }
    this.problem(given.at, "its references lead in a circle");
    return { value: undefined, at: given.at };
  }

  /** @param isQuiet what leads nowhere is reported elsewhere */
  private found(reference: string, at: Place, isQuiet: boolean): Found | null {
    const report = (message: string): null => {
      if (!isQuiet) this.problem(at, message);
      return null;
    };
    const [name = "", fragment = ""] = splitReference(reference);
    if (/^[A-Za-z][A-Za-z0-9+.-]*:|^\/\//.test(name)) return report("a reference to another machine is not followed");
    const file = name === "" ? at.file : siblingOf(at.file, decodedUri(name));
    if (file === null) return report("a reference leads out of the folder of the document");
    if (fragment !== "" && !fragment.startsWith("/")) return report("a reference to an anchor is not followed: use a JSON Pointer");
    const keys = fragment
      .split("/")
      .slice(1)
      .map((key) => decodedUri(key).replaceAll("~1", "/").replaceAll("~0", "~"));
    if (this.opened({ file, keys: [] }, at) === undefined) return null;
    return this.walked({ file, keys: [] }, keys) ?? report("the reference leads to nothing");
  }

  private walked(from: Place, keys: readonly string[]): Found | null {
    let found: Found = { value: this.opened(from), at: from };
    for (const key of keys) {
      if (!hasKey(found.value, key)) found = this.resolved(found);
      if (!hasKey(found.value, key)) return null;
      found = { value: Reflect.get(found.value, key), at: inside(found.at, key) };
    }
    return found.value === undefined ? null : found;
  }

  /** @param by the reference that leads to the file, for the report */
  private opened({ file }: Place, by: Place = { file, keys: [] }): unknown {
    if (this.files.has(file)) return this.files.get(file);
    let value: unknown;
    try {
      value = this.options.open(file);
    } catch (error) {
      this.problem(by, error instanceof Error ? error.message : String(error));
    }
    this.files.set(file, value);
    return value;
  }

  private problem(at: Place, message: string): void {
    this.problems.push({ at, message, isUnsupported: false });
  }

  private unsupported(at: Place, message: string): void {
    this.problems.push({ at, message, isUnsupported: true });
  }
}

/** Whether bodies of that type, or of a type within the range, are read. */
function isChecked(type: string): boolean {
  return type.includes("json") || type.includes("*") || type === "application/x-www-form-urlencoded";
}

function hasKey(value: unknown, key: string): value is object {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key);
}

function splitReference(reference: string): readonly string[] {
  const at = reference.indexOf("#");
  return at < 0 ? [reference] : [reference.slice(0, at), reference.slice(at + 1)];
}

function decodedUri(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The file that is named in another one, both relative to the document's folder; null: it is not below that. */
function siblingOf(file: string, name: string): string | null {
  const parts = file.split("/").slice(0, -1);
  if (name.startsWith("/") || name.includes("\\") || name.includes("\0")) return null;
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join("/");
}

/** The path of a server's URL, without a slash at its end. Variables have their default values. */
function basePathOf(server: Record<string, unknown>): string {
  const variables = valuesOf(server["variables"]) ?? {};
  const url = textOr(server["url"], "/").replace(/\{([^{}]*)\}/g, (_, name: string) => textOr(valuesOf(variables[name])?.["default"], "x"));
  const path = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?:\/\/[^/?#]*)?([^?#]*)/.exec(url)?.[1] ?? "";
  const trimmed = path.replace(/^(?:\.{0,2}\/)*/, "").replace(/\/+$/, "");
  return trimmed === "" ? "" : `/${trimmed}`;
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
