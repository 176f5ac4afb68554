/** The operations of a description, found by method and path, and compiled when their first request comes. */
import { PathTable, namesOf } from "../../policy/validate/path-table.ts";
import type { PathMatch } from "../../policy/validate/path-table.ts";
import { Operation, sharedChecks } from "../../policy/validate/operation.ts";
import type { OperationOptions, SharedChecks } from "../../policy/validate/operation.ts";
import { decodedText } from "../../policy/validate/parameters.ts";
import type { DescribedOperation, DescribedPath, DescriptionHead } from "../../policy/validate/description.ts";
import { normalizePath, normalizePattern, otherReadings } from "../../policy/route/normalize-path.ts";
import type { ApiDescription } from "../../shared/api-descriptions.ts";

/** An operation that a request is for. */
export interface FoundOperation {
  readonly operation: Operation;
  /** The parameters of the path by name; null: one is no UTF-8. */
  readonly path: ReadonlyMap<string, string> | null;
}

/**
 * What a request is for:
 * - `preflight`: a page asks what it may send, which no description has
 * - `path`: no path of the description
 * - a list: the methods that the path has
 */
export type Found = FoundOperation | "preflight" | "path" | readonly string[];

/** Paths of servers that a message shows. */
const BASES_SHOWN = 3;

interface Place {
  readonly described: DescribedPath;
  readonly names: readonly string[];
  /** The path in front of the template; null: it is the configuration's, and holds for all methods. */
  readonly base: string | null;
}

export class DescribedApi {
  private readonly description: ApiDescription;
  private readonly options: OperationOptions;
  private readonly table: PathTable<Place> = new PathTable();
  private readonly operations: Map<number, Operation> = new Map();
  private readonly checks: SharedChecks;
  /** What stands in front of the document's paths. */
  private readonly bases: ReadonlySet<string>;

  /** @param basePath in front of all paths; null: what the description says */
  constructor(description: ApiDescription, basePath: string | null, options: OperationOptions) {
    this.description = description;
    this.options = options;
    this.checks = sharedChecks(description, options.compileRegex);
    const { paths } = description.piece(0) as DescriptionHead;
    const given = basePath === null ? null : (normalizePattern(basePath) ?? basePath).replace(/\/$/, "");
    this.bases = given === null ? new Set(paths.flatMap((described) => [...basesOf(described)])) : new Set([given]);
    for (const described of paths) {
      const names = namesOf(described.template);
      if (given !== null) this.table.add(given + described.template, { described, names, base: null });
      else for (const base of basesOf(described)) this.table.add(base + described.template, { described, names, base });
    }
  }

  /** Why a request may be for no path of the description, for whoever has written the configuration. */
  get whyNoPath(): string {
    const shown = [...this.bases].slice(0, BASES_SHOWN).map((base) => `${base}/`);
    const more = this.bases.size > BASES_SHOWN ? ", and others" : "";
    return `no path of the document fits; they all begin with ${shown.join(" or ")}${more} (its servers, or base_path)`;
  }

  /** @param isPreflight whether a page asks what it may send (an OPTIONS with Access-Control-Request-Method) */
  find(method: string, path: string, isPreflight: boolean): Found {
    // The canonical form leaves parameters of segments out (`/pets/7;x=1`), and an application may take them for a part of the name: they would go unchecked.
    const canonical = path.includes(";") ? null : normalizePath(path);
    if (canonical === null) return "path";
    const matches = this.table.find(canonical);
    const [first] = matches;
    // An origin server that reads the path in another way must not come to another operation.
    if (first === undefined || this.mayBeAnother(path, canonical, first)) return "path";
    // Who may GET may HEAD (RFC 9110 section 9.1).
    for (const wanted of method === "HEAD" ? ["HEAD", "GET"] : [method]) {
      for (const match of matches) {
        const piece = pieceOf(match.value, wanted);
        if (piece !== null) return { operation: this.operation(piece), path: parametersOf(match) };
      }
    }
    if (isPreflight) return "preflight";
    const methods = new Set(
      matches.flatMap(({ value }) => Object.keys(value.described.operations).filter((each) => pieceOf(value, each) !== null)),
    );
    if (methods.has("GET")) methods.add("HEAD");
    return methods.size === 0 ? "path" : [...methods];
  }

  private mayBeAnother(path: string, canonical: string, match: PathMatch<Place>): boolean {
    return otherReadings(path, canonical).some((reading) => {
      const [other] = this.table.find(reading);
      return other !== undefined && other.value !== match.value;
    });
  }

  private operation(piece: number): Operation {
    const known = this.operations.get(piece);
    if (known !== undefined) return known;
    const made = new Operation(this.description.piece(piece) as DescribedOperation, this.description, this.checks, this.options);
    this.operations.set(piece, made);
    return made;
  }
}

/** The operation of that method at that place; null: there is none. */
function pieceOf({ described: { operations, bases }, base }: Place, method: string): number | null {
  if (!Object.hasOwn(operations, method)) return null;
  return base === null || bases[method]?.includes(base) === true ? (operations[method] ?? null) : null;
}

function basesOf({ bases }: DescribedPath): ReadonlySet<string> {
  return new Set(Object.values(bases).flat());
}

function parametersOf({ value, texts }: PathMatch<Place>): ReadonlyMap<string, string> | null {
  const found = new Map<string, string>();
  // The texts of the base path's own parameters, of which it has none, would come first.
  for (const [index, name] of value.names.entries()) {
    const text = decodedText(texts[index] ?? "");
    if (text === null) return null;
    found.set(name, text);
  }
  return found;
}
