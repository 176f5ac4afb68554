import { test } from "node:test";
import assert from "node:assert/strict";
import { HELP, PROXY_USAGE, defaultFile, parseArguments } from "./arguments.ts";

const NO_PASSWORD = "millrace hash-password takes no password from its arguments, which others can read: it asks for one";

const cases: readonly (readonly [line: string, expected: object])[] = [
  ["run", { command: "run", file: "millrace.yaml", watch: false }],
  ["run --config a.yaml", { command: "run", file: "a.yaml", watch: false }],
  ["run --config=a=b.yaml", { command: "run", file: "a=b.yaml", watch: false }],
  ["check -c a.yaml", { command: "check", file: "a.yaml", strict: false, acme: false, format: "text" }],
  ["check --strict --format json", { command: "check", file: "millrace.yaml", strict: true, acme: false, format: "json" }],
  ["check --exec", { command: "check", file: "millrace.yaml", strict: false, acme: false, format: "text", exec: true }],
  ["check --acme", { command: "check", file: "millrace.yaml", strict: false, acme: true, format: "text" }],
  ["check --acme --format json", { command: "wrong", problem: "--acme says in words what comes of its orders: leave --format json out" }],
  ["check --format=xml", { command: "wrong", problem: "--format is text or json" }],
  ["demo", { command: "demo", tls: false }],
  ["demo --tls", { command: "demo", tls: true }],
  ["schema", { command: "schema", file: null }],
  ["new-key ci", { command: "new-key", id: "ci", roles: [], expires: "" }],
  ["new-key ci --roles a,b --expires 2027-01-31", { command: "new-key", id: "ci", roles: ["a", "b"], expires: "2027-01-31" }],
  ["new-key", { command: "wrong", problem: "millrace new-key needs a name for the key's owner: millrace new-key ci" }],
  ["new-key --internal", { command: "new-signing-key", algorithm: "ES256" }],
  ["new-key --internal --algorithm EdDSA", { command: "new-signing-key", algorithm: "EdDSA" }],
  ["new-key --internal --algorithm RS256", { command: "wrong", problem: "--algorithm is ES256 or EdDSA" }],
  ["new-key --public internal.jwk", { command: "public-keys", file: "internal.jwk" }],
  ["new-key --public a --internal", { command: "wrong", problem: "--public makes no key: millrace new-key --public FILE" }],
  ["new-key ci --algorithm ES256", { command: "wrong", problem: "--algorithm is for millrace new-key --internal" }],
  [
    "new-key ci --internal",
    { command: "wrong", problem: "a key for tokens of the proxy's own has neither owner nor roles nor end: millrace new-key --internal" },
  ],
  ["new-key ci --expires soon", { command: "wrong", problem: "--expires is a date such as 2027-01-31" }],
  ["convert nginx.conf", { command: "convert", file: "nginx.conf", force: false }],
  [
    "convert a --from caddy --output b.yaml --port 8080 --force",
    { command: "convert", file: "a", from: "caddy", output: "b.yaml", port: "8080", force: true },
  ],
  ["convert", { command: "wrong", problem: "millrace convert needs a file: millrace convert nginx.conf" }],
  ["convert a --from apache", { command: "wrong", problem: "--from is nginx or caddy" }],
  ["convert a --port http", { command: "wrong", problem: "--port is the number of a port" }],
  ["convert a.conf b.conf", { command: "wrong", problem: 'unexpected argument "b.conf"' }],
  ["schema --config a.yaml", { command: "schema", file: "a.yaml" }],
  ["--version", { command: "version" }],
  ["--help", { command: "help" }],
  ["run --help", { command: "help" }],
  ["explain GET /x", { command: "explain", file: "millrace.yaml", method: "GET", url: "/x", fields: [] }],
  ["explain --config f GET /x -H a:1 -H b:2", { command: "explain", file: "f", method: "GET", url: "/x", fields: ["a:1", "b:2"] }],
  [
    "explain GET /x --client-cert alice.pem",
    { command: "explain", file: "millrace.yaml", method: "GET", url: "/x", fields: [], certificateFile: "alice.pem" },
  ],
  [
    "explain GET /x --client 10.0.0.1",
    { command: "explain", file: "millrace.yaml", method: "GET", url: "/x", fields: [], client: "10.0.0.1" },
  ],
  ["explain --file r.txt", { command: "explain", file: "millrace.yaml", requests: "r.txt", expects: false }],
  ["explain -c f --file r.txt --expect", { command: "explain", file: "f", requests: "r.txt", expects: true }],
  ["explain --expect GET /", { command: "wrong", problem: "--expect needs --file: millrace explain --file requests.txt --expect" }],
  [
    "explain --file m.yaml GET /",
    {
      command: "wrong",
      problem: "--file names a file of requests, so none stands among the arguments; a configuration is given as --config FILE",
    },
  ],
  ["explain -- GET -x", { command: "explain", file: "millrace.yaml", method: "GET", url: "-x", fields: [] }],
  ["", { command: "wrong", problem: "a command is missing; try millrace --help" }],
  ["rnu", { command: "wrong", problem: 'unknown command "rnu"; did you mean "run"?' }],
  ["explian", { command: "wrong", problem: 'unknown command "explian"; did you mean "explain"?' }],
  ["RUN", { command: "wrong", problem: 'unknown command "RUN"; did you mean "run"?' }],
  ["serve", { command: "wrong", problem: "unknown command; try millrace --help" }],
  ["--verison", { command: "wrong", problem: 'unknown option "--verison"; did you mean "--version"?' }],
  ["run --confg a", { command: "wrong", problem: 'unknown option "--confg"; did you mean "--config"?' }],
  ["run --config", { command: "wrong", problem: "--config needs a value" }],
  ["run --config=", { command: "wrong", problem: "--config needs a value" }],
  ["run --config a --config b", { command: "wrong", problem: "--config is given twice" }],
  ["run a.yaml", { command: "wrong", problem: 'unexpected argument "a.yaml"; a file is given as --config a.yaml' }],
  ["check a.yaml b.yaml", { command: "wrong", problem: 'unexpected argument "a.yaml"' }],
  ["check --config a.yaml b.yaml", { command: "wrong", problem: 'unexpected argument "b.yaml"' }],
  ["schema a.yaml", { command: "wrong", problem: 'unexpected argument "a.yaml"; a file is given as --config a.yaml' }],
  ["run -H a:1", { command: "wrong", problem: "-H belongs to millrace explain" }],
  ["demo --config a", { command: "wrong", problem: "millrace demo reads no configuration file" }],
  ["explain GET / Authorization:hunter2", { command: "wrong", problem: "unexpected argument" }],
  ["hunter2", { command: "wrong", problem: "unknown command; try millrace --help" }],
  ["run --token=hunter2", { command: "wrong", problem: 'unknown option "--token"; try millrace --help' }],
  ["--token=hunter2", { command: "wrong", problem: 'unknown option "--token"; try millrace --help' }],
  ["run -phunter2", { command: "wrong", problem: 'unknown option "-p"; try millrace --help' }],
  ["run -p=hunter2", { command: "wrong", problem: 'unknown option "-p"; try millrace --help' }],
  ["run -=hunter2", { command: "wrong", problem: "unknown option; try millrace --help" }],
  ["run --eyJhbGciOi.hunter2", { command: "wrong", problem: "unknown option; try millrace --help" }],
  ["run --config a.yaml --watch", { command: "run", file: "a.yaml", watch: true }],
  ["run --watch=yes", { command: "wrong", problem: "--watch takes no value" }],
  ["check --watch", { command: "wrong", problem: "--watch belongs to millrace run" }],
  [
    "proxy :8080 http://a /api=http://b /c=http://d",
    { command: "proxy", listen: ":8080", target: "http://a", prefixes: ["/api=http://b", "/c=http://d"], print: false },
  ],
  ["proxy --print 8080 http://a", { command: "proxy", listen: "8080", target: "http://a", prefixes: [], print: true }],
  ["init", { command: "init", file: "millrace.yaml", listen: ":8080", upstreams: ["http://localhost:3000"], force: false }],
  [
    "init --listen 80 --upstream http://a --upstream=http://b --config f.yaml --force",
    { command: "init", file: "f.yaml", listen: "80", upstreams: ["http://a", "http://b"], force: true },
  ],
  ["init --listen 80 --listen 81", { command: "wrong", problem: "--listen is given twice" }],
  ["proxy :8080", { command: "wrong", problem: `millrace proxy needs an address and a target: ${PROXY_USAGE}` }],
  ["proxy :8080 http://a --print=hunter2", { command: "wrong", problem: "--print takes no value" }],
  ["proxy :8080 http://a --config f", { command: "wrong", problem: "millrace proxy reads no configuration file" }],
  ["check --print", { command: "wrong", problem: "--print belongs to millrace proxy" }],
  ["explain GET", { command: "wrong", problem: "millrace explain needs a method and a URL: millrace explain GET /path" }],
  ["explain GET / more", { command: "wrong", problem: "unexpected argument" }],
  ["hash-password", { command: "hash-password", algorithm: "argon2id", cost: null, user: null }],
  ["hash-password --user zoë --algorithm=bcrypt --cost 10", { command: "hash-password", algorithm: "bcrypt", cost: 10, user: "zoë" }],
  ["hash-password --algorithm md5", { command: "wrong", problem: "--algorithm is argon2id or bcrypt" }],
  ["hash-password --cost high", { command: "wrong", problem: "--cost is a number" }],
  ["hash-password --user alice hunter2", { command: "wrong", problem: NO_PASSWORD }],
  ["hash-password --user alice -- --hunter2", { command: "wrong", problem: NO_PASSWORD }],
];
for (const [line, expected] of cases) {
  test(`millrace ${line}`, () => {
    assert.deepEqual(
      parseArguments(
        line.split(" ").filter((word) => word !== ""),
        "millrace.yaml",
      ),
      expected,
    );
  });
}

test("help names every command", () => {
  for (const command of ["run", "proxy", "init", "demo", "check", "explain", "schema", "trust", "new-key", "hash-password"])
    assert.match(HELP, new RegExp(`^ {2}millrace ${command}`, "m"));
});

test("without --config: millrace.yaml, else millrace.config.ts; without either, millrace.yaml, so that a message can name it", () => {
  for (const [there, expected] of [
    [["millrace.config.ts", "millrace.yaml"], "millrace.yaml"],
    [["millrace.config.ts"], "millrace.config.ts"],
    [[], "millrace.yaml"],
  ] as const) {
    assert.equal(
      defaultFile((file) => there.some((each) => each === file)),
      expected,
    );
  }
});
