/** Configurations of pages, checked as `millrace check` checks a file. */
import type { Includes } from "../../src/config/include.ts";
import { parseConfig } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problems/problem.ts";
import { patternProblems } from "../../src/regex/pattern-problems.ts";
import { isMap, parseDocument } from "yaml";

/** What a fragment that lacks one of these keys gets. */
const LISTENERS = 'listeners: [{ address: ":8080" }]\n';
const ENDPOINT = "http://127.0.0.1:3000";

/**
 * The configuration that a fragment is a part of: what it lacks of a listener, the upstreams that its text names, and routes to its upstreams is added.
 * Keys and lines of the fragment stay as they are.
 */
export function completed(fragment: string): string {
  const document = parseDocument(fragment, { merge: true });
  const has = (key: string): boolean => document.has(key);
  if (has("backends")) return fragment;
  const upstreamsOf = document.get("upstreams");
  const defined = isMap(upstreamsOf) ? upstreamsOf.items.map(({ key }) => String(key)) : ["app"];
  const own = defined.map((upstream) => `{ match: { path: /${upstream}/* }, upstream: ${upstream} }`);
  const routes = has("routes") ? "" : `routes: [${own.join(", ")}]\n`;
  const named = [...(fragment + routes).matchAll(/\bupstream: ([\w-]+)/g)]
    .map(([, name = ""]) => name)
    .filter((name) => !document.hasIn(["upstreams", name]) && !["preserve", "upstream"].includes(name));
  const upstreams = Object.fromEntries([...new Set(named)].map((name) => [name, { endpoints: [ENDPOINT] }]));
  let text = fragment;
  if (!has("upstreams")) text += named.length === 0 ? "" : `upstreams: ${JSON.stringify(upstreams)}\n`;
  else if (isMap(upstreamsOf) && named.length > 0) {
    for (const [name, upstream] of Object.entries(upstreams)) document.setIn(["upstreams", name], upstream);
    text = String(document);
  }
  return `${has("listeners") ? "" : LISTENERS}${text}${routes}`;
}

/** Every pattern of `include` matches nothing. */
const NOTHING: Includes = { mainId: "", find: () => ({ files: [], doubt: null }), textOf: () => "", resolve: (name) => name };

/** Errors and warnings of a configuration, one a line. Every variable of the environment and every secret has a value. */
export async function problemsOf(text: string, file: string): Promise<string[]> {
  const names = [...text.matchAll(/\$\{([A-Za-z_]\w*)/g)].map(([, name = ""]) => name);
  const environment = Object.fromEntries(names.map((name) => [name, "a-value-of-more-than-thirty-two-bytes"]));
  const secret = "a-secret-of-more-than-thirty-two-bytes";
  const secrets = { folder: "/", credentialFile: (name: string) => name, printed: () => secret };
  const parsed = parseConfig(text, file, environment, () => secret, { includes: NOTHING, secrets });
  if ("problems" in parsed) return parsed.problems.map(formatProblem);
  return [...parsed.warnings, ...parsed.locate(await patternProblems(parsed.config))].map(formatProblem);
}
