/** Configurations with a secret in a wrong place: in every place, one after the other. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { readObject } from "./document/read-object.ts";
import { PREDECESSOR } from "./load.fixture.ts";
import { checkConfig } from "./load.ts";
import type { ParseResult } from "./load.ts";
import { formatProblem } from "./problems/problem.ts";
import { isVocabulary } from "./schema/foreign-keys.ts";

export const FULL = `
listeners:
  - { address: ":8080", unsafe_field_names: drop, timeouts: { request_head: 30s }, limits: { head_bytes: 32KiB, connections: 10 } }
  - address: ":8443"
    tls:
      certificates: [{ cert_file: a.pem, key_file: a.key, key_passphrase: t0k3n, ocsp_file: a.ocsp, client_certificates: { ca_file: ca.pem } }]
      acme: { domains: [a.test, [b.test]], email: ops@a.test, storage: acme, terms_agreed: true, eab: { key_id: kid, hmac_key: t0k3n }, on_demand: { ask: "http://localhost/ask" }, dns: { command: [hook] }, challenge: dns-01, key: rsa, profile: short }
      client_certificates: { ca_file: ca.pem, mode: optional, crl_file: crl.pem, verify_depth: 2, forward: xfcc }
      min_version: "1.3"
      ciphers: [TLS_AES_128_GCM_SHA256]
      strict_sni: true
      tickets: { key_file: keys, rotate: 2h }
workers: 1
trusted_proxies: [10.0.0.0/8]
client_address_from: forwarded
upstreams:
  app:
    endpoints: ["http://a:1", { url: "https://b:2", weight: 2 }]
    balance: round_robin
    health_check: { path: /up, interval: 1s, expected_statuses: [200], host: a.test }
    timeouts: { connect: 1s }
    keep_alive: { max_idle: 1 }
    retries: 1
    tls: { verify: true, server_name: a.test, ca_file: ca.pem, cert_file: me.pem, key_file: me.key, key_passphrase: t0k3n, min_version: "1.2" }
routes:
  - name: one
    match: { host: a.test, path: /x, methods: [GET], headers: { X-Beta: "1" } }
    rate_limit: { requests_per_minute: 1, key: client_ip }
    cors: { allowed_origins: ["https://a.test"], allow_credentials: true, max_age: 1h }
    authentication:
      tokens: [t0k3n]
      api_keys: { file: keys.yaml }
      jwt: { audience: a, secret: t0k3n-t0k3n-t0k3n-t0k3n-t0k3n-t0k3n, algorithms: [HS256], from: "cookie:jwt", claims: { roles: groups } }
      basic: { users_file: users, groups_file: groups, realm: a }
      identity_headers: { user: X-User, claims: { email: X-Email } }
      internal_jwt: { secret: t0k3n-t0k3n-t0k3n-t0k3n-t0k3n-t0k3n-1, audience: [app], issuer: a, lifetime: 1m, claims: [email] }
      forward: { url: "http://h:1/verify?a=b", send: [Cookie], set: { X-B: "{uri}" }, copy: [X-C], copy_response: [Set-Cookie], user: X-C, timeout: 1s, cache: { for: 1s, key: [Cookie] } }
    require: { roles: [ops], claims: { plan: pro } }
    max_body: 1MiB
    upstream: app
admin: { address: "127.0.0.1:9901", token: t0k3n, hosts: [a.test] }
logging: { level: info, format: json, output: stdout, access: true }
startup: { require_healthy: false, wait: 1s }
shutdown: { timeout: 1s }
`;

const NUMBER = "4929123412341234123";
export const SECRETS: readonly string[] = [
  "hunter2",
  "admin:hunter2@10.0.0.1:80",
  "http://admin:hunter2@10.0.0.1:80",
  "https://h/?token=hunter2",
  "https://hunter2:x@h",
  "10.0.0.1:80/hunter2",
  "Bearer hunter2",
  "http:hunter2",
  "file:hunter2\nhunter2",
  "30s hunter2",
  "${hunter2}",
  "${X:-hunter2 }",
  "${hunter2",
  "${NOT_SET}hunter2",
  `${"x".repeat(300)}hunter2`,
  NUMBER,
];

/** Every copy of `tree` in which one value is replaced by `value`. */
function* replaced(tree: unknown, value: unknown): Generator {
  yield value;
  if (Array.isArray(tree)) {
    for (const [index, item] of tree.entries()) for (const other of replaced(item, value)) yield tree.toSpliced(index, 1, other);
  } else if (typeof tree === "object" && tree !== null) {
    for (const [key, inside] of Object.entries(tree)) for (const other of replaced(inside, value)) yield { ...tree, [key]: other };
  }
}

/** Every copy of `tree` in which one mapping has the keys `more` too. */
function* enlarged(tree: unknown, more: Readonly<Record<string, unknown>>): Generator {
  if (Array.isArray(tree)) {
    for (const [index, item] of tree.entries()) for (const other of enlarged(item, more)) yield tree.toSpliced(index, 1, other);
  } else if (typeof tree === "object" && tree !== null) {
    yield { ...tree, ...more };
    for (const [key, inside] of Object.entries(tree)) for (const other of enlarged(inside, more)) yield { ...tree, [key]: other };
  }
}

/** Copies of `tree` with the secret in a wrong place: as a value, in a list, as a key, and below keys that do not belong there. */
function* spoiled(tree: unknown, secret: string): Generator {
  yield* replaced(tree, secret);
  yield* replaced(tree, [secret, { [secret]: { x: secret } }]);
  if (secret === NUMBER) yield* replaced(tree, Number(secret));
  const keys = ["token", "password", "tokens", "proxy_pass", "Authorization", "adress"];
  yield* enlarged(tree, {
    [secret]: 1,
    [`${secret}x`]: { [secret]: secret },
    ...Object.fromEntries(keys.map((key) => [key, secret])),
  });
}

export const noFile = (): string => {
  throw new Error("it does not exist");
};

export function linesOf(result: ParseResult): string {
  return ("problems" in result ? result.problems : result.warnings).map(formatProblem).join("\n");
}

export function assertHidden(lines: string, file: unknown): void {
  // The message is made only when it is needed: there are thousands of files.
  for (const word of ["hunter2", NUMBER]) if (lines.includes(word)) assert.fail(`${lines}\n---\n${JSON.stringify(file)}`);
}

/** Both forms of a configuration, and the secrets that are put into them. */
export const CASES: readonly { readonly form: string; readonly tree: unknown; readonly secret: string }[] = [
  ["full", FULL] as const,
  ["short", PREDECESSOR] as const,
].flatMap(([form, text]) => SECRETS.map((secret) => ({ form, tree: parse(text) as unknown, secret })));

/**
 * Asserts that no message about any copy of `tree` shows the secret.
 * @param every only every so many copies are looked at
 * @param from position of the first one
 */
export function assertNeverShown(tree: unknown, secret: string, every: number, from: number): void {
  let [refused, position] = [0, 0];
  for (const value of spoiled(tree, secret)) {
    if ((position++ - from) % every !== 0) continue;
    const result = checkConfig(readObject(value, isVocabulary), "f", {}, noFile);
    if ("problems" in result) refused++;
    assertHidden(linesOf(result), value);
  }
  assert.ok(refused > position / every / 2, `only ${refused} of ${position} were refused`);
}
