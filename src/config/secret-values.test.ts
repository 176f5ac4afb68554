/** Secrets that are read from elsewhere: how they are written, what is refused, and other values in their places. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parse } from "yaml";
import type { SecretCommand } from "../values/secret-source.ts";
import { readObject } from "./document/read-object.ts";
import { full } from "./load.fixture.ts";
import { checkConfig, parseConfig } from "./load.ts";
import type { ParseResult, ParsedConfig } from "./load.ts";
import { secretValues, sourceKey, withSecretValues } from "./placed-secrets.ts";
import { formatProblem } from "./problems/problem.ts";
import { isVocabulary } from "./schema/foreign-keys.ts";
import type { MachineSecrets } from "./secret-values.ts";

const FILES: Readonly<Record<string, string>> = {
  token: "t0k3n\n",
  "/run/secrets/app": "m0unted",
  "/own/app": "0wn",
  "/x/a.b-c_1": "dotted",
};

function fileOf(name: string): string {
  const text = FILES[name];
  if (text === undefined) throw new Error(`${name} does not exist`);
  return text;
}

/** @param printed null: programs are not run */
function machine(printed: ((command: SecretCommand) => string) | null = ({ exec }) => `printed-by-${exec.join("-")}`): MachineSecrets {
  return { folder: "/conf", credentialFile: (name, folder = "/run/secrets") => `${folder}/${name}`, printed: printed ?? (() => null) };
}

function read(text: string, secrets: MachineSecrets | null = machine(), environment: Record<string, string> = {}): ParseResult {
  return parseConfig(text, "f", environment, fileOf, secrets === null ? {} : { secrets });
}

function right(...given: Parameters<typeof read>): ParsedConfig {
  const result = read(...given);
  assert.ok("config" in result, "problems" in result ? result.problems.map(formatProblem).join("\n") : "");
  return result;
}

function wrong(...given: Parameters<typeof read>): string {
  const result = read(...given);
  assert.ok("problems" in result, "it was accepted");
  return result.problems.map(formatProblem).join("\n");
}

const tokens = (written: string): string => full({ route: `authentication: { tokens: [${written}] }` });
const tokensOf = ({ config }: ParsedConfig): readonly string[] => config.routes[0]?.authentication?.tokens ?? [];

describe("credentials", () => {
  test("are files in the folder of the machine, or in the one that the configuration names", () => {
    assert.deepEqual(tokensOf(right(tokens("credential:app"))), ["m0unted"]);
    assert.deepEqual(tokensOf(right(`${tokens("credential:app")}secrets: { folder: /own }\n`)), ["0wn"]);
    assert.deepEqual(tokensOf(right(`${tokens("credential:a.b-c_1")}secrets: { folder: "\${DIR}" }\n`, machine(), { DIR: "/x" })), [
      "dotted",
    ]);
  });

  test("have names without a way out of the folder, and messages do not show wrong ones", () => {
    for (const name of ["..", ".", "", "../app", "a/b", "/etc/passwd", "a b", "a\\u0000b", "x".repeat(256)])
      assert.match(
        wrong(tokens(`"credential:${name}"`)),
        /^f:3:54: routes\.#1\.authentication\.tokens\.#1: expected credential:NAME [^"]*$/,
      );
    assert.match(
      wrong(tokens("credential:none")),
      /cannot read the secret: \/run\/secrets\/none does not exist; credentials lie in [^;]*\/run\/secrets$/,
    );
    assert.match(wrong(`${tokens("credential:none")}secrets: { folder: /own }\n`), /cannot read the secret: \/own\/none does not exist$/);
    assert.match(wrong(tokens("credential:app"), null), /there are no credentials here/);
  });
});

describe("programs", () => {
  test("may stand wherever a secret may, in both forms and in defaults", () => {
    const text = `listeners:
  - address: ":8443"
    tls:
      certificates: [{ cert_file: a.pem, key_passphrase: { exec: [one] } }]
      acme: { domains: [a.test], email: a@a.test, directory: "https://ca.test/d", storage: s, terms_agreed: true, eab: { key_id: k, hmac_key: { exec: [two] } } }
upstreams: { app: { endpoints: ["https://a.test"], tls: { cert_file: a.pem, key_passphrase: { exec: [three] } } } }
defaults: { routes: { authentication: { tokens: [plain, { exec: [four] }] } } }
routes: [{ upstream: app }, { upstream: app, authentication: { tokens: [own] } }]
admin: { address: ":9901", token: { exec: [five] }, tls: { cert_file: a.pem, key_passphrase: { exec: [six] } } }
`;
    const { config, secrets } = right(text);
    assert.equal(config.listeners[0]?.tls?.certificates[0]?.key_passphrase, "printed-by-one");
    assert.equal(config.listeners[0].tls.acme?.eab?.hmac_key, "printed-by-two");
    assert.equal(config.upstreams["app"]?.tls.key_passphrase, "printed-by-three");
    assert.deepEqual(config.routes[0]?.authentication?.tokens, ["plain", "printed-by-four"]);
    assert.deepEqual(config.routes[1]?.authentication?.tokens, ["own"]);
    assert.deepEqual([config.admin?.token, config.admin?.tls?.key_passphrase], ["printed-by-five", "printed-by-six"]);
    assert.deepEqual(secrets.map(({ path }) => path.join(".")).toSorted(), [
      "admin.tls.key_passphrase",
      "admin.token",
      "listeners.0.tls.acme.eab.hmac_key",
      "listeners.0.tls.certificates.0.key_passphrase",
      "routes.0.authentication.tokens.1",
      "upstreams.app.tls.key_passphrase",
    ]);
    const short = right("backends: [http://a]\nauthentication: { enabled: true, required_token: { exec: [seven] } }\n");
    assert.deepEqual(tokensOf(short), ["printed-by-seven"]);
    assert.deepEqual(short.secrets[0]?.path, ["routes", 0, "authentication", "tokens", 0]);
    assert.deepEqual(right("backends: [http://a]\nauthentication: { required_token: file:token }\n").secrets, [], "nobody needs it");
  });

  test("have times, arguments that may be numbers or come from the environment, and the folder of the file that names them", () => {
    const asked: SecretCommand[] = [];
    const note = (command: SecretCommand): string => `x${asked.push(command)}`;
    right(tokens('{ exec: [./get, 8080, "${WHO}/key"], renew: 1h, timeout: 3s }, { exec: [get] }'), machine(note), { WHO: "s3cret" });
    assert.deepEqual(asked, [
      { kind: "command", exec: ["./get", "8080", "s3cret/key"], renew: 3_600_000, timeout: 3000, hidden: ["s3cret"], folder: "/conf" },
      { kind: "command", exec: ["get"], renew: 300_000, timeout: 10_000, hidden: [], folder: "/conf" },
    ]);
    const root = readObject(parse(tokens("{ exec: [get] }")), isVocabulary);
    const module = checkConfig(root, "f", {}, fileOf, { secrets: machine() });
    assert.ok("config" in module);
    assert.deepEqual(module.config.routes[0]?.authentication?.tokens, ["printed-by-get"]);
  });

  test("that are written wrongly are refused without their texts", () => {
    for (const [written, expected] of [
      ["{ exec: hunter2 }", /tokens\.#1\.exec: .*expected array|tokens\.#1\.exec: expected a list/i],
      ["{ exec: [] }", /tokens\.#1\.exec: expected a program and its arguments/],
      ["{ exec: [hunter2, {}] }", /tokens\.#1\.exec\.#2: expected a text/],
      ["{ exec: [get], renew: hunter2 }", /tokens\.#1\.renew: expected a duration/],
      ["{ exec: [get], renew: 10ms }", /tokens\.#1\.renew: /],
      ["{ exec: [get], timeout: 1h }", /tokens\.#1\.timeout: /],
      ["{ exec: [get], renwe: 5m }", /tokens\.#1\.renwe: unknown key; did you mean "renew"/],
      ["{ exec: [get], hunter2: hunter2 }", /tokens\.#1\.\(key #2\): unknown key/],
      ['{ exec: ["${HUNTER}"] }', /tokens\.#1\.exec\.#1: the environment variable HUNTER is not set/],
      ["{ run: [hunter2] }", /tokens\.#1/],
    ] as const) {
      const text = wrong(tokens(written));
      assert.match(text, expected, written);
      assert.doesNotMatch(text, /hunter2/);
      assert.equal(text.split("\n").length, 1, text);
    }
    const failing = (): never => {
      throw new Error("the program get ended with exit code 2");
    };
    assert.match(
      wrong(tokens("{ exec: [get] }"), machine(failing)),
      /tokens\.#1: cannot read the secret: the program get ended with exit code 2$/,
    );
    assert.match(wrong(tokens("{ exec: [get] }"), null), /no programs are run here/);
    assert.match(
      wrong(
        tokens("{ exec: [get] }"),
        machine(() => "two\tparts"),
      ),
      /tokens\.#1: expected a token without line ends, tabs/,
    );
  });

  test("that are not run give no error, nor does what their secrets are for", () => {
    const text = `listeners: [{ address: ":8443", tls: { certificates: [{ cert_file: a.pem, key_passphrase: { exec: [get] } }] } }]
upstreams: { app: { endpoints: ["https://a.test"] } }
routes: [{ upstream: app, authentication: { tokens: [{ exec: [get] }] } }]
`;
    const about = (...inside: readonly (string | number)[]) =>
      ({ path: ["listeners", 0, "tls", ...inside], message: "wrong", severity: "error" }) as const;
    const surroundings = (printed: MachineSecrets["printed"]) => ({
      secrets: { ...machine(), printed },
      tlsFindings: () => [about("certificates", 0, "key_file"), about("tickets")],
    });
    const found = (printed: MachineSecrets["printed"]): readonly string[] => {
      const result = parseConfig(text, "f", {}, fileOf, surroundings(printed));
      return "problems" in result ? result.problems.map(({ key }) => key).toSorted() : [];
    };
    assert.deepEqual(
      found(() => null),
      ["listeners.#1.tls.tickets"],
    );
    assert.deepEqual(
      found(() => "x"),
      ["listeners.#1.tls.certificates.#1.key_file", "listeners.#1.tls.tickets"],
    );
  });
});

describe("other values in the places of secrets", () => {
  const text = `listeners: [{ address: ":8080" }]
upstreams: { app: { endpoints: ["http://a.test"] } }
routes:
  - { match: { path: /a }, upstream: app, authentication: { tokens: [same, file:token, credential:app] } }
  - { match: { path: /open }, upstream: app }
  - { upstream: app, authentication: { tokens: [file:token] } }
admin: { address: ":1", token: file:token }
`;
  const keyOf = (path: string): string => sourceKey({ kind: "file", path });

  test("change these, name the routes, and share all else", () => {
    const { config, secrets } = right(text);
    assert.deepEqual(
      secretValues(config, secrets),
      new Map([
        [keyOf("token"), "t0k3n"],
        [keyOf("/run/secrets/app"), "m0unted"],
      ]),
    );
    const next = withSecretValues(config, secrets, new Map([[keyOf("token"), "n3w"]]));
    assert.deepEqual(
      next.config.routes.map(({ authentication }) => authentication?.tokens),
      [["same", "n3w", "m0unted"], undefined, ["n3w"]],
    );
    assert.equal(next.config.admin?.token, "n3w");
    assert.deepEqual(next.routes, [
      { position: 0, keys: ["authentication"] },
      { position: 2, keys: ["authentication"] },
    ]);
    assert.equal(next.config.routes[1], config.routes[1]);
    assert.equal(next.config.listeners, config.listeners);
    assert.equal(config.admin?.token, "t0k3n", "the configuration in use is not touched");
    const none = withSecretValues(
      config,
      secrets,
      new Map([
        [keyOf("token"), "t0k3n"],
        [keyOf("other"), "x"],
      ]),
    );
    assert.equal(none.config, config);
    assert.deepEqual([none.isChanged, none.routes], [false, []]);
  });

  test("are checked as those of the file, without being shown", () => {
    const { secrets } = right(text);
    for (const { fault } of secrets) {
      assert.equal(fault("fine"), null);
      assert.match(fault("hunter2\tx") ?? "", /^expected a token without line ends/);
      assert.match(fault("") ?? "", /^expected a token that is not empty/);
    }
    const eab =
      "{ domains: [a.test], email: a@a.test, directory: 'https://ca.test/d', storage: s, terms_agreed: true, eab: { key_id: k, hmac_key: file:token } }";
    const jwt = "jwt: { issuer: 'https://a.test', audience: a, secret: file:long }";
    const shared = parseConfig(full({ route: `authentication: { ${jwt} }` }), "f", {}, () => "x".repeat(40));
    assert.ok("config" in shared, "problems" in shared ? shared.problems.map(formatProblem).join() : "");
    assert.match(shared.secrets[0]?.fault("short") ?? "", /at least 32 characters/);
    assert.equal(shared.secrets[0]?.fault("y".repeat(32)), null);
    const [key] = right(`listeners: [{ address: ":443", tls: { acme: ${eab} } }]\nroutes: [{ respond: {} }]\n`).secrets;
    assert.match(key?.fault("not base64url!") ?? "", /in base64url/);
    assert.equal(key?.fault("YWJj"), null);
  });
});
