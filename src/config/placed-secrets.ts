/**
 * The secrets of a checked configuration that were read from elsewhere: where they stand in it, where they come from, and the configuration with other
 * values in their places. So a secret that has changed comes into use without the file being read again.
 */
import { DECLARED } from "../features/declared.ts";
import type { FeatureKey } from "../features/declared.ts";
import type { FeatureDeclaration } from "../values/declaration.ts";
import type { KeyPath } from "../values/finding.ts";
import type { SecretSource } from "../values/secret-source.ts";
import { secret } from "../values/texts.ts";
import { nodeAt, toPlain } from "./document/document.ts";
import type { Located } from "./document/document.ts";
import { bindingKey } from "./schema/tls/acme-schema.ts";
import type { Config } from "./schema/schema.ts";

/** One place of a secret. */
export interface PlacedSecret {
  /** The place in the checked configuration. */
  readonly path: KeyPath;
  readonly source: SecretSource;
  /** What is wrong with another value for the place, without showing it; null: nothing. */
  readonly fault: (value: string) => string | null;
}

export type SecretPlaces = readonly PlacedSecret[];

/** A route in which secrets have changed. */
export interface ChangedRoute {
  /** Its position among the routes. */
  readonly position: number;
  /** The keys of the route in which they stand. */
  readonly keys: readonly string[];
}

/**
 * The places of secrets that were read from elsewhere.
 * @param root the file, with the values of `defaults`
 * @param config made from it
 */
export function secretPlaces(root: Located, config: Config): SecretPlaces {
  const places: PlacedSecret[] = [];
  const visit = (node: Located, path: KeyPath): void => {
    if (node.kind === "map") for (const [key, { value }] of node.entries) visit(value, [...path, key]);
    else if (node.kind === "list") for (const [index, item] of node.items.entries()) visit(item, [...path, index]);
    else if (node.secret !== undefined && path[0] !== "defaults") {
      const place = placeIn(config, path);
      if (place === null) return;
      if (valueAt(config, place) !== node.value) throw new Error(`the schema of ${path.join(".")} changes the text of a secret`);
      places.push({ path: place, source: node.secret, fault: faultOf(root, path) });
    }
  };
  visit(root, []);
  return places;
}

/** Where the value of the file stands in the configuration; null: it is not needed. The short form has another place for its token. */
function placeIn(config: Config, path: KeyPath): KeyPath | null {
  if (path[0] !== "authentication") return path;
  return config.routes[0]?.authentication === undefined ? null : ["routes", 0, "authentication", "tokens", 0];
}

/** Checks other values as those of the file are checked. */
function faultOf(root: Located, path: KeyPath): PlacedSecret["fault"] {
  const [first, position, key, ...inside] = path;
  const declaration = first === "routes" && isFeature(key) ? DECLARED[key] : null;
  if (declaration === null) {
    const schema = path.at(-1) === "hmac_key" ? bindingKey : secret;
    return (value) => schema.safeParse(value).error?.issues[0]?.message ?? null;
  }
  const node = nodeAt(root, [first ?? "", position ?? 0, key ?? ""]);
  const given = node === undefined ? undefined : toPlain(node);
  return (value) => featureFault(declaration, withValue(given, inside, value), inside);
}

function featureFault({ schema, check }: FeatureDeclaration, value: unknown, inside: KeyPath): string | null {
  const issues = schema.safeParse(value).error?.issues ?? [];
  const findings = check?.(value, []).filter(({ severity }) => severity === "error") ?? [];
  const [found] = [...issues, ...findings];
  if (found === undefined) return null;
  // A message about another place may be about how the two go together, and need not be written with secrets in mind.
  return found.path.join("\n") === inside.join("\n") ? found.message : "it does not fit what stands beside it";
}

function isFeature(key: unknown): key is FeatureKey {
  return typeof key === "string" && Object.hasOwn(DECLARED, key);
}

/** A text that is the same for equal sources, and another one for all others. It is never shown: it may hold what may not be. */
export function sourceKey(source: SecretSource): string {
  return source.kind === "file" ? `file\0${source.path}` : `command\0${source.folder}\0${JSON.stringify(source.exec)}`;
}

/**
 * The configuration with these values in the places of secrets, and which routes differ then. All that is the same is shared.
 * @param values by the keys of their sources
 */
export function withSecretValues(
  config: Config,
  places: SecretPlaces,
  values: ReadonlyMap<string, string>,
): { readonly config: Config; readonly routes: readonly ChangedRoute[]; readonly isChanged: boolean } {
  let changed: unknown = config;
  const routes = new Map<number, Set<string>>();
  for (const { path, source } of places) {
    const value = values.get(sourceKey(source));
    if (value === undefined || valueAt(changed, path) === value) continue;
    changed = withValue(changed, path, value);
    const [first, position, key] = path;
    if (first !== "routes" || typeof position !== "number") continue;
    routes.set(position, (routes.get(position) ?? new Set()).add(String(key)));
  }
  // Only texts differ, each in the place of another one.
  const result = changed as Config;
  return {
    config: result,
    routes: [...routes].map(([position, keys]) => ({ position, keys: [...keys] })),
    isChanged: result !== config,
  };
}

/** The values that stand in a configuration, by the keys of their sources. */
export function secretValues(config: Config, places: SecretPlaces): ReadonlyMap<string, string> {
  return new Map(
    places.flatMap(({ path, source }) => {
      const value = valueAt(config, path);
      return typeof value === "string" ? [[sourceKey(source), value] as const] : [];
    }),
  );
}

function valueAt(holder: unknown, path: KeyPath): unknown {
  let value = holder;
  for (const part of path) value = typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined;
  return value;
}

/** A copy with another value in one place. */
function withValue(holder: unknown, [part, ...rest]: KeyPath, value: string): unknown {
  if (part === undefined) return value;
  if (typeof holder !== "object" || holder === null) return holder;
  const inside = withValue(Reflect.get(holder, part), rest, value);
  return Array.isArray(holder) ? holder.with(Number(part), inside) : { ...holder, [part]: inside };
}
