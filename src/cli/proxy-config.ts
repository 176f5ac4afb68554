/** Makes a configuration of the arguments of `millrace proxy`. */
import { normalizePattern } from "../policy/route/normalize-path.ts";
import { pathPattern } from "../values/texts.ts";
import { checked, givenListen, givenTarget, quoted } from "./given-addresses.ts";
import type { Given } from "./given-addresses.ts";
import { givenHttps } from "./given-https.ts";

export interface ProxyTargets {
  /** The address to listen on. A port alone is taken as `:port`; `https://HOST` stands for HTTPS with certificates of the local authority. */
  readonly listen: string;
  /** Where everything goes that no prefix takes. */
  readonly target: string;
  /** Each `/PREFIX=TARGET`. */
  readonly prefixes: readonly string[];
}

/** The text of a configuration, with the URL that the first argument was, or what is wrong with the arguments, one line each. Arguments are not quoted: one may hold a password. */
export type ProxyConfig = { readonly text: string; readonly url: string | null } | { readonly problems: readonly string[] };

interface Target {
  /** The path that requests must have; null for every path. */
  readonly path: string | null;
  readonly url: string;
}

export function proxyConfig(given: ProxyTargets): ProxyConfig {
  const problems: string[] = [];
  const https = givenHttps(given.listen);
  const listen: Given = https === null ? givenListen(given.listen) : https.problem === undefined ? { value: https.address } : https;
  if (listen.problem !== undefined) problems.push(`LISTEN: ${listen.problem}`);
  const main = givenTarget(given.target);
  if (main.problem !== undefined) {
    const hint = given.target.startsWith("/") ? "; the target of all other paths comes first" : "";
    problems.push(`TARGET: ${main.problem}${hint}`);
  }
  const targets: Target[] = [];
  /** The number of the argument that has a prefix, by the form in which prefixes are compared. */
  const numbers = new Map<string | null, number>();
  for (const [index, word] of given.prefixes.entries()) {
    const read = readPrefix(word);
    if (typeof read === "string") {
      problems.push(`/PREFIX=TARGET #${index + 1}: ${read}`);
      continue;
    }
    const plain = normalizePattern(read.path.slice(0, -1));
    const earlier = numbers.get(plain);
    if (earlier !== undefined) problems.push(`/PREFIX=TARGET #${index + 1}: the prefix is the same as that of #${earlier}`);
    numbers.set(plain, index + 1);
    targets.push(read);
  }
  if (problems.length > 0 || listen.problem !== undefined || main.problem !== undefined) return { problems };
  // The first match in file order wins, so the longest prefix stands first.
  targets.sort((a, b) => (b.path?.length ?? 0) - (a.path?.length ?? 0));
  return { url: https?.url ?? null, text: textOf(listen.value, https !== null, [...targets, { path: null, url: main.value }]) };
}

function readPrefix(word: string): (Target & { readonly path: string }) | string {
  const at = word.indexOf("=");
  if (!word.startsWith("/") || at < 0) return "expected a prefix and a target, such as /api=http://localhost:4000";
  const path = word.slice(0, at).replace(/(?:\/\*?)?$/, "/*");
  if (path === "/*") return "the prefix / takes every path, as TARGET does";
  const pattern = checked(pathPattern, path);
  if (pattern.problem !== undefined) return pattern.problem;
  const target = givenTarget(word.slice(at + 1));
  return target.problem ?? { path, url: target.value };
}

function textOf(listen: string, isHttps: boolean, targets: readonly Target[]): string {
  const upstreams = new Map<string, string>();
  // The target of all other paths has the name that examples give to a single upstream.
  const main = targets.at(-1);
  if (main !== undefined) upstreams.set(main.url, "app");
  for (const { path, url } of targets) if (!upstreams.has(url)) upstreams.set(url, nameFor(path ?? "", [...upstreams.values()]));
  return [
    "listeners:",
    `  - address: ${quoted(listen)}`,
    ...(isHttps ? ["    tls: internal"] : []),
    "upstreams:",
    ...[...upstreams].map(([url, name]) => `  ${name}: { endpoints: [${quoted(url)}] }`),
    "routes:",
    ...targets.map(({ path, url }) => {
      const match = path === null ? "" : `match: { path: ${quoted(path)} }\n    `;
      // The target may be a development server, which restarts, or a site elsewhere; both know themselves by their own name.
      return `  - ${match}rewrite: { host: upstream }\n    hold: 5s\n    upstream: ${upstreams.get(url)}`;
    }),
    "",
  ].join("\n");
}

/** A name for an upstream that tells which prefix leads to it, and that is not taken. */
function nameFor(path: string, taken: readonly string[]): string {
  const words = path.match(/[A-Za-z0-9]+/g) ?? [];
  // A letter first, because YAML would read `1e3` as a number.
  const base = words.length === 0 || /^\d/.test(words[0] ?? "") ? ["path", ...words] : words;
  const name = base.join("-").slice(0, 50);
  for (let number = 1; ; number++) {
    const numbered = number === 1 ? name : `${name}-${number}`;
    if (!taken.includes(numbered)) return numbered;
  }
}
