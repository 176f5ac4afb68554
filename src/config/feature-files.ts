/** The files and folders that features name, by what the features declare. */
import { DECLARED } from "../features/declared.ts";
import { addressFileId } from "../base/address-file.ts";
import type { AddressFile } from "../base/address-file.ts";
import type { FeatureDeclaration, ReadCredentials } from "../values/declaration.ts";
import type { KeyPath } from "../values/finding.ts";

/** What a path leads to: a text, a text with variables, a folder, what is looked for later, a file about addresses, a description of an API, or credentials. */
type Kind = "files" | "templates" | "folders" | "paths" | "lists" | "ratedLists" | "countries" | "asns" | "descriptions" | "credentials";

const KINDS: readonly Kind[] = [
  "files",
  "templates",
  "folders",
  "paths",
  "lists",
  "ratedLists",
  "countries",
  "asns",
  "descriptions",
  "credentials",
];
/** Kinds that are read when a configuration is loaded. */
const READ: readonly Kind[] = ["files", "templates"];

const features: readonly (readonly [key: string, declaration: FeatureDeclaration])[] = Object.entries(DECLARED);

/** What the value at `place` of a feature's value, such as `file`, is the path of. Null: it is none. */
export function kindOf(feature: string, place: string): Kind | null {
  const declaration = features.find(([key]) => key === feature)?.[1];
  if (declaration === undefined) return null;
  return KINDS.find((kind) => placesOf(declaration, kind).some((pattern) => isAt(place, pattern))) ?? null;
}

function placesOf(declaration: FeatureDeclaration, kind: Kind): readonly string[] {
  return kind === "credentials" ? Object.keys(declaration.credentials ?? {}) : (declaration[kind] ?? []);
}

/** @param pattern a place in which a star stands for any key */
function isAt(place: string, pattern: string): boolean {
  const [parts, wanted] = [place.split("."), pattern.split(".")];
  return parts.length === wanted.length && wanted.every((part, index) => part === "*" || part === parts[index]);
}

/** Replaces the paths that features name. @param holder what has keys of features: a route, an upstream, the whole configuration */
export function mapFiles(holder: object, change: (path: string) => string): void {
  visit(holder, KINDS, (value, key, path) => void Reflect.set(value, key, change(path)));
}

/** Whether a feature reads a file when the configuration is loaded. */
export function readsFiles(holder: object): boolean {
  let reads = false;
  visit(holder, READ, () => void (reads = true));
  return reads;
}

const ADDRESS_FILES: readonly (readonly [kind: Kind, AddressFile["kind"]])[] = [
  ["lists", "list"],
  ["ratedLists", "rated"],
  ["countries", "country"],
  ["asns", "asn"],
];

/** What a file is whose path stands at a place of that kind; null: none about addresses. */
export function addressFileKind(kind: Kind | null): AddressFile["kind"] | null {
  return ADDRESS_FILES.find(([each]) => each === kind)?.[1] ?? null;
}

/** The files about addresses that the routes of a checked configuration name, each once. */
export function addressFilesOf(routes: readonly object[]): readonly AddressFile[] {
  const found = new Map<string, AddressFile>();
  for (const [place, kind] of ADDRESS_FILES)
    for (const route of routes)
      visit(route, [place], (_value, _key, path) => void found.set(addressFileId({ kind, path }), { kind, path }));
  return [...found.values()];
}

/** An OpenAPI document that a route names, with the place of its path in the configuration. */
export interface PlacedDocument {
  readonly path: string;
  readonly at: KeyPath;
}

/** The OpenAPI documents that the routes of a checked configuration name. */
export function apiDocumentsOf(routes: readonly object[]): readonly PlacedDocument[] {
  return features.flatMap(([feature, declaration]) =>
    routes.flatMap((route, index) =>
      (declaration.descriptions ?? []).flatMap((place): readonly PlacedDocument[] => {
        const keys = place.split(".");
        const found: PlacedDocument[] = [];
        visitAt(
          Reflect.get(route, feature),
          keys,
          (_value, _key, path) => void found.push({ path, at: ["routes", index, feature, ...keys] }),
        );
        return found;
      }),
    ),
  );
}

/** A file with credentials, or a key server, and what reads its text. */
export interface CredentialPlace {
  /** The path or the URL. */
  readonly path: string;
  readonly read: ReadCredentials;
}

/** What reads the file with credentials at `place` of a feature's value. */
export function credentialsReader(feature: string, place: string): ReadCredentials | null {
  const declaration = features.find(([key]) => key === feature)?.[1];
  return declaration?.credentials?.[place] ?? null;
}

/** The files with credentials that the routes of a checked configuration name. */
export function credentialFilesOf(routes: readonly object[]): readonly CredentialPlace[] {
  return credentialPlaces(routes, "credentials");
}

/** The key servers that they name. */
export function keyServersOf(routes: readonly object[]): readonly CredentialPlace[] {
  return credentialPlaces(routes, "keyServers");
}

function credentialPlaces(routes: readonly object[], kind: "credentials" | "keyServers"): readonly CredentialPlace[] {
  const found = new Map<string, CredentialPlace>();
  for (const [feature, declaration] of features)
    for (const [place, read] of Object.entries(declaration[kind] ?? {}))
      for (const route of routes)
        visitAt(Reflect.get(route, feature), place.split("."), (_value, _key, path) => void found.set(path, { path, read }));
  return [...found.values()];
}

type Visitor = (value: object, key: string, path: string) => void;

function visit(holder: object, kinds: readonly Kind[], visitor: Visitor): void {
  for (const [feature, declaration] of features) {
    const given: unknown = Reflect.get(holder, feature);
    if (given === undefined) continue;
    // In a route, what may stand everywhere is a list.
    for (const value of Array.isArray(given) ? given : [given]) {
      for (const kind of kinds) for (const place of placesOf(declaration, kind)) visitAt(value, place.split("."), visitor);
    }
  }
}

function visitAt(value: unknown, [key = "", ...rest]: readonly string[], visitor: Visitor): void {
  if (typeof value !== "object" || value === null) return;
  for (const each of key === "*" ? Object.keys(value) : [key]) {
    const inside: unknown = Reflect.get(value, each);
    if (rest.length > 0) visitAt(inside, rest, visitor);
    else if (typeof inside === "string") visitor(value, each, inside);
  }
}
