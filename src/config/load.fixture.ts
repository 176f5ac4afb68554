/** Helpers for tests that parse configurations: the result, the problems or the warnings of a text. */
import assert from "node:assert/strict";
import { parseConfig } from "./load.ts";
import { formatProblem } from "./problems/problem.ts";
import type { Config } from "./schema/schema.ts";

/** A `readSecret` for texts that name no files: it always throws. */
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

/** Warnings in the same form; fails when there is an error. */
export function warningsOf(text: string): string[] {
  const result = parseConfig(text, "f", {}, NO_FILES);
  assert.ok("config" in result, "problems" in result ? result.problems.map(formatProblem).join("\n") : "");
  return result.warnings.map((problem) => formatProblem(problem).replace(/^f:/, ""));
}

/** The text of a configuration in the full form with one listener, one upstream and one route; `parts` adds keys to them. */
export function full(parts: { listener?: string; upstream?: string; route?: string; rest?: string }): string {
  return [
    `listeners: [{ address: ":8080"${parts.listener === undefined ? "" : `, ${parts.listener}`} }]`,
    `upstreams: { app: { endpoints: ["http://a:1"]${parts.upstream === undefined ? "" : `, ${parts.upstream}`} } }`,
    `routes: [{ upstream: app${parts.route === undefined ? "" : `, ${parts.route}`} }]`,
    parts.rest ?? "",
  ].join("\n");
}

/** A file of the system that Millrace replaces. */
export const PREDECESSOR: string = `server:
  address: ":8080"
  read_timeout: 10
  write_timeout: 30s
  idle_timeout: 2m
  max_header_bytes: 1048576
backends:
  - "http://localhost:60408"
  - "http://localhost:60409"
rate_limit:
  requests_per_minute: 100
  burst: 10
cors:
  allowed_origins: ["*"]
  allowed_methods: ["GET", "POST", "OPTIONS"]
  allowed_headers: ["Content-Type", "Authorization"]
  exposed_headers: ["X-Request-Id"]
  allow_credentials: true
  max_age: 3600
  debug: true
authentication:
  enabled: true
  required_token: "some secret token"
logging:
  level: "INFO"
health_check:
  frequency: 10s
  timeout: 5s
  healthy_threshold: 2
  path: /health
`;
