/** Checks of `stores`, and of the places that refer to them. */
import { at, entriesOf, error, listOf, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { isLoopback } from "../addresses/addresses.ts";
import { unknownName } from "./upstream-names.ts";

interface NamedStore {
  readonly name: string;
  readonly path: KeyPath;
  /** The type that it has to have. */
  readonly type: "redis" | "memory";
}

/** @param file the file's content as plain data, with `${NAME}` replaced, not checked yet */
export function storeFindings(file: unknown): Finding[] {
  const stores = entriesOf(at(file, "stores"));
  const named = listOf(at(file, "routes")).flatMap((route, index) => namedStores(route, ["routes", index]));
  const [names, used] = [stores.map(([name]) => name), new Set(named.map(({ name }) => name))];
  return [
    ...named.flatMap(({ name, path, type }) => {
      if (!names.includes(name)) return [error(path, unknownName(name, names, "store"))];
      const found = at(at(at(file, "stores"), name), "type");
      const isOther = (found === "redis" || found === "memory") && found !== type;
      return isOther ? [error(path, `it needs a store of the type ${type}, and ${JSON.stringify(name)} is of the type ${found}`)] : [];
    }),
    ...stores.flatMap(([name, store]) => [
      ...(used.has(name) ? [] : [warning(["stores", name], "nothing refers to this store", true)]),
      ...placeFindings(store, ["stores", name]),
    ]),
  ];
}

/** The stores that a route refers to, and where. @param route as it is in the file */
function namedStores(route: unknown, path: KeyPath): readonly NamedStore[] {
  const places = ["rate_limit", "token_limit"].flatMap((key): readonly (readonly [name: unknown, where: KeyPath])[] => {
    const limits = at(route, key);
    if (!Array.isArray(limits)) return [[at(limits, "store"), [...path, key, "store"]]];
    return limits.map((limit: unknown, index) => [at(limit, "store"), [...path, key, index, "store"]]);
  });
  const session = at(at(at(route, "authentication"), "oidc"), "session");
  const ofLogin = [at(session, "store"), [...path, "authentication", "oidc", "session", "store"]] as const;
  const shared = [...places, ofLogin].flatMap(([name, where]) =>
    typeof name === "string" ? [{ name, path: where, type: "redis" as const }] : [],
  );
  const responses = at(at(route, "cache"), "store");
  return typeof responses === "string" ? [...shared, { name: responses, path: [...path, "cache", "store"], type: "memory" }] : shared;
}

function placeFindings(store: unknown, path: KeyPath): Finding[] {
  if (typeof store !== "object" || store === null) return [];
  if (at(store, "type") === "memory") return memoryFindings(store, path);
  if (at(store, "type") !== "redis") return [];
  if (at(store, "max_size") !== undefined) return [error([...path, "max_size"], "it is for stores of the type memory", true)];
  const [url, cluster] = [at(store, "url"), at(store, "cluster")];
  if (url === undefined && cluster === undefined)
    return [{ ...error(path, "expected url or cluster, found neither", true), missing: [[...path, "url"]] }];
  if (url !== undefined && cluster !== undefined) return [error([...path, "cluster"], "url is given too: it is one or the other", true)];
  const urls = (url === undefined ? listOf(cluster) : [url]).filter((each) => typeof each === "string");
  const secure = urls.filter((each) => each.startsWith("rediss:"));
  const findings: Finding[] = [];
  if (secure.length > 0 && secure.length < urls.length)
    findings.push(error([...path, "cluster"], "some URLs begin with rediss: and some do not: all machines of a cluster are asked alike"));
  if (cluster !== undefined && urls.some((each) => /^unix:|\/[1-9][0-9]*$/.test(each)))
    findings.push(error([...path, "cluster"], "a cluster has no Unix sockets and no databases"));
  if (secure.length === 0 && at(store, "tls") !== undefined)
    findings.push(error([...path, "tls"], "nothing here is encrypted: the URL begins with rediss: where the store speaks TLS"));
  if (at(store, "username") !== undefined && at(store, "password") === undefined)
    findings.push(error([...path, "username"], "there is no password for it", true));
  if (secure.length === 0 && at(store, "password") !== undefined && urls.some(isElsewhere))
    findings.push(warning([...path, "password"], "the password crosses the network as it is: rediss: in the URL encrypts it", true));
  return findings;
}

function memoryFindings(store: object, path: KeyPath): Finding[] {
  const foreign = Object.keys(store).filter((key) => key !== "type" && key !== "max_size");
  return [
    ...(at(store, "max_size") === undefined ? [{ ...error(path, "it lacks max_size", true), missing: [[...path, "max_size"]] }] : []),
    ...foreign.map((key) => error([...path, key], "a store of the type memory has no such key", true)),
  ];
}

function isElsewhere(url: string): boolean {
  return !url.startsWith("unix:") && URL.canParse(url) && !isLoopback(`${new URL(url).hostname}:1`);
}
