import type { z } from "zod";
import type { FeatureFacts } from "./feature-facts.ts";
import type { Finding, KeyPath } from "./finding.ts";

/** A path on which clients come back to a feature. */
export interface OwnPath {
  /** The key that names it, within the feature's value. */
  readonly key: string;
  readonly path: string;
  /** The method of the requests that must arrive. */
  readonly method: string;
}

/**
 * How a feature declares itself to the configuration: everything that reading and documenting a configuration needs of it, without loading
 * the feature's code. Each `features/NAME/schema.ts` exports one.
 */
export interface FeatureDeclaration {
  readonly facts: FeatureFacts;
  /** Checks the value of the feature's key in a route and fills in defaults. Its output is the feature's configuration. Every key has a description. */
  readonly schema: z.ZodType;
  /**
   * Whether the key may also stand at the top of the configuration, for all routes, and in an upstream, for the routes that lead to it. A route of a
   * checked configuration then has a list: the value at the top, that of its upstream, its own. Absent: the key stands in routes only. Such a
   * value has no secrets.
   */
  readonly everywhere?: boolean;
  /**
   * Whether that value, as it is in the file, does nothing in a route that answers by itself, by the key `end`. `millrace check` warns of it. Absent:
   * every value does something.
   */
  readonly needsUpstream?: (value: unknown, end: string) => boolean;
  /** For the reference page: what the key does, and what holds without it. */
  readonly description: string;
  /**
   * The places of secrets in the feature's value, such as `tokens[]`; absent when it has none. The schema must give them the type `secret`, and leave
   * their texts as they are: where one has changed, its route is compiled anew with another text in this place. Messages show no text of a value that
   * holds secrets.
   */
  readonly secrets?: readonly string[];
  /** The places of paths of files in the feature's value, such as `file`; a star stands for any key. They are relative to the configuration's folder, and must be texts in UTF-8. */
  readonly files?: readonly string[];
  /** The places of files with variables, those of pages about errors included (policy/template). The same holds for their paths and their texts. */
  readonly templates?: readonly string[];
  /** The places of paths of folders, relative to the configuration's folder too. */
  readonly folders?: readonly string[];
  /** The places of other paths, relative to the configuration's folder too, which lead to what need not be there. */
  readonly paths?: readonly string[];
  /** The places of paths of address lists, which are read again when they change (policy/address-list), such as `allow.*.file`. */
  readonly lists?: readonly string[];
  /** The same for lists whose blocks have factors. */
  readonly ratedLists?: readonly string[];
  /** The places of paths of databases in MaxMind's format that have countries, or numbers of autonomous systems; read again in the same way (policy/geoip). */
  readonly countries?: readonly string[];
  readonly asns?: readonly string[];
  /** The places of paths of OpenAPI documents, which are read again when they change (config/api-description.ts). */
  readonly descriptions?: readonly string[];
  /**
   * The places of paths of files with credentials, which are read again when they change, each with what reads its text: gives the text that threads get, or
   * what is wrong with it, without showing any of it.
   */
  readonly credentials?: Readonly<Record<string, ReadCredentials>>;
  /** The places of URLs of key servers, which the control plane asks; threads get what they say, checked in the same way. */
  readonly keyServers?: Readonly<Record<string, ReadCredentials>>;
  /**
   * The services that the feature asks at URLs: gives the URL of the endpoint of each, of a checked value. Each becomes an upstream of that name, so that it is
   * asked as every upstream is.
   */
  readonly asked?: (value: never) => readonly string[];
  /**
   * The paths that a route with this value takes on its hosts, whatever its `match` says of paths: where clients come back to the feature. Gets the value as
   * it is in the file, or checked. Absent: none.
   */
  readonly ownPaths?: (value: unknown) => readonly OwnPath[];
  /** A text that is the same for two such values if clients that come back to one of them have come back to the other. Absent: for equal values. */
  readonly sameSessions?: (value: unknown) => string;
  /** Why two routes of one host cannot have these two values; null: they can. `place` leads to the part of the first one that is to blame. */
  readonly conflict?: (value: unknown, other: unknown) => { readonly place: KeyPath; readonly message: string } | null;
  /**
   * What other proxies call the feature's keys, so that `millrace check` can name the key to use here. For each key (`""` for the feature's
   * own) the foreign words, separated by spaces.
   */
  readonly calledElsewhere?: Readonly<Record<string, string>>;
  /**
   * Finds what the schema cannot: keys that need or exclude each other, and settings that are probably not meant. Gets the value as it is in
   * the file, before the schema has checked it.
   */
  readonly check?: (value: unknown, path: KeyPath) => readonly Finding[];
}

/** Reads the text of a file with credentials. Problems begin with the place, such as `line 3: `. */
export type ReadCredentials = (text: string) => { readonly text: string } | { readonly problems: readonly string[] };
