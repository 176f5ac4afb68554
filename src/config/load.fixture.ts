/** Short ways to a parse result for tests. */
import assert from "node:assert/strict";
import { formatProblem, parseConfig } from "./load.ts";
import type { Config } from "./schema.ts";

export const NO_FILES = (path: string): string => {
  throw new Error(`${path} does not exist`);
};

/** The configuration; fails when there is a problem. */
export function configOf(text: string, environment: Record<string, string> = {}, readSecret: (path: string) => string = NO_FILES): Config {
  const result = parseConfig(text, "f", environment, readSecret);
  assert.ok("config" in result, "problems" in result ? result.problems.map(formatProblem).join("\n") : "");
  return result.config;
}

/** Problems as `line:column key: message`; fails when there is none. */
export function problemsOf(
  text: string,
  environment: Record<string, string> = {},
  readSecret: (path: string) => string = NO_FILES,
): string[] {
  const result = parseConfig(text, "f", environment, readSecret);
  assert.ok("problems" in result, "the configuration was accepted");
  assert.ok(result.problems.some(({ severity }) => severity === "error"));
  return result.problems.map((problem) => formatProblem(problem).replace(/^f:/, ""));
}

export function warningsOf(text: string): string[] {
  const result = parseConfig(text, "f", {}, NO_FILES);
  assert.ok("config" in result, "problems" in result ? result.problems.map(formatProblem).join("\n") : "");
  return result.warnings.map((problem) => formatProblem(problem).replace(/^f:/, ""));
}

/** A full form around one route, listener or upstream of interest. */
export function full(parts: { listener?: string; upstream?: string; route?: string; rest?: string }): string {
  return [
    `listeners: [{ address: ":8080"${parts.listener === undefined ? "" : `, ${parts.listener}`} }]`,
    `upstreams: { app: { endpoints: ["http://a:1"]${parts.upstream === undefined ? "" : `, ${parts.upstream}`} } }`,
    `routes: [{ upstream: app${parts.route === undefined ? "" : `, ${parts.route}`} }]`,
    parts.rest ?? "",
  ].join("\n");
}
