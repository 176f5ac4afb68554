import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { configOf, full, problemsOf, warningsOf } from "./load.fixture.ts";

const auth = (token: string): string => full({ route: `authentication: { tokens: [${token}] }` });
const tokenOf = (token: string, environment: Record<string, string> = {}, read?: (path: string) => string): string | undefined =>
  configOf(auth(token), environment, read).routes[0]?.authentication?.tokens?.[0];

describe("the environment", () => {
  test("fills in values, with defaults as in a shell", () => {
    const output = (value: string, environment: Record<string, string> = {}): string =>
      configOf(full({ rest: `logging: { output: "${value}" }` }), environment).logging.output;
    assert.equal(output("/log/${APP}.${DAY:-today}", { APP: "web" }), "/log/web.today");
    assert.equal(output("${A:-x}", { A: "" }), "x");
    assert.equal(output("x${A:-}"), "x");
    assert.equal(output("$${A}"), "${A}");
    assert.equal(output("$A"), "$A");
    assert.equal(output("${A}", { A: "${B}" }), "${B}", "what is put in is not replaced again");
  });

  test("an unquoted value that consists of replacements may become a number or a boolean, a quoted one stays a text", () => {
    const workers = (scalar: string, value: string) => configOf(full({ rest: `workers: ${scalar}` }), { W: value }).workers;
    assert.equal(workers("${W}", "3"), 3);
    assert.equal(workers("${W}", "auto"), "auto");
    assert.equal(configOf(full({ rest: "logging:\n  access: ${X:-false}" })).logging.access, false);
    assert.match(problemsOf(full({ rest: 'workers: "${W}"' }), { W: "3" }).join(), /workers: expected .* found "\$\{W\}"/);
    assert.match(problemsOf(full({ rest: "workers: ${W}" }), { W: "0x3" }).join(), /workers: expected/);
  });

  test("a value cannot bring keys or lists of its own", () => {
    const hostile = 'x" }\nadmin: { address: ":1" }\n# [';
    const config = configOf(full({ rest: "logging:\n  output: ${O}" }), { O: hostile });
    assert.equal(config.logging.output, hostile);
    assert.equal(config.admin, undefined);
  });

  test("a variable that is not set is a problem, and the only one at its place", () => {
    assert.deepEqual(problemsOf(full({ rest: "workers: ${W}" })), [
      "4:10: workers: the environment variable W is not set; ${W:-default} would give it a default",
    ]);
    assert.match(
      problemsOf(full({ rest: 'logging: { output: "${1}" }' })).join(),
      /expected \$\{NAME\} or \$\{NAME:-default\}; write \$\$\{/,
    );
    assert.match(problemsOf(full({ rest: 'logging: { output: "${toString}" }' })).join(), /no environment variable of this name is set/);
  });
});

describe("secrets", () => {
  test("come from the environment and from files", () => {
    assert.equal(tokenOf('"${T}"', { T: "abc" }), "abc");
    assert.equal(
      tokenOf('"file:token"', {}, (path) => `${path}-content\r\nsecond line\n`),
      "token-content",
    );
    assert.equal(
      tokenOf('"file:${DIR}/token"', { DIR: "d" }, (path) => path),
      "d/token",
    );
    const short = 'backends: ["http://a"]\nauthentication: { enabled: true, required_token: "file:t" }\n';
    assert.deepEqual(configOf(short, {}, () => "abc").routes[0]?.authentication?.tokens, ["abc"]);
  });

  test("of the admin address come from there too", () => {
    const admin = (token: string): string => full({ rest: `admin: { address: "127.0.0.1:9", token: ${token} }` });
    assert.deepEqual(configOf(admin('"file:t"'), {}, () => "abc\n").admin, { address: "127.0.0.1:9", token: "abc", hosts: [] });
    assert.equal(configOf(admin("0123")).admin?.token, "0123");
    assert.equal(configOf(admin('"${T}"'), { T: "1.50" }).admin?.token, "1.50");
  });

  test("are text, whatever they look like", () => {
    assert.equal(tokenOf("0123"), "0123");
    assert.equal(tokenOf("1.50"), "1.50");
    const config = configOf(
      `${full({}).replace(/routes.*\n/, "")}routes:\n  - upstream: app\n    authentication:\n      tokens:\n        - \${T}\n`,
      { T: "1.50" },
    );
    assert.deepEqual(config.routes[0]?.authentication?.tokens, ["1.50"]);
  });

  test("a file that cannot be read, or is empty, is a problem that names it", () => {
    assert.match(problemsOf(auth('"file:/run/token"')).join(), /tokens\.#1: cannot read the secret: \/run\/token /);
    assert.match(problemsOf(auth('"file:/run/token"'), {}, () => "\nx").join(), /the first line of the file \/run\/token is empty/);
  });

  test("only tokens are read from files", () => {
    const config = configOf(full({ rest: 'logging: { output: "file:x" }' }), {}, () => assert.fail("read a file"));
    assert.equal(config.logging.output, "file:x");
  });

  test("that look like places are taken as they stand, with a warning that does not show them", () => {
    for (const token of ["env:S3CRET", "File:S3CRET", "vault:kv/S3CRET", "credentials:S3CRET", "ENV:S3CRET"]) {
      const warnings = warningsOf(auth(JSON.stringify(token))).join("\n");
      assert.match(warnings, /^\S+ warning: routes\.\S+\.tokens\.\S+: this text itself is the token[^\n]*$/, token);
      assert.doesNotMatch(warnings, /S3CRET/);
    }
    const bearer = warningsOf(auth('"Bearer S3CRET"')).join("\n");
    assert.match(bearer, /: clients send the word Bearer before the token, and it is no part of it: leave it out$/);
    for (const token of ["environment", "e:nv", "secret", "bearers"]) assert.deepEqual(warningsOf(auth(JSON.stringify(token))), [], token);
  });

  test("may hold spaces inside, and nothing that cannot be sent or would not arrive", () => {
    for (const token of ["a b", "some secret token", "a  b", "a : b", "caf\u00e9 au lait"]) {
      assert.equal(tokenOf('"${T}"', { T: token }), token);
      assert.match(warningsOf(auth(JSON.stringify(token))).join("\n"), /^\S+ warning: routes\.\S+\.tokens\.\S+: it holds spaces: [^\n]*$/);
    }
    assert.deepEqual(warningsOf(auth('"a-b"')), []);
    for (const token of [" a", "a ", " ", "  a b"]) {
      assert.match(
        problemsOf(auth('"${T}"'), { T: token }).join("\n"),
        /^\S+ \S+: expected a token without spaces around it[^\n]*$/,
        token,
      );
    }
    for (const token of ["a\tb", "a\nb", "a\r\nb", "a\0b", "a\u007fb", "a\u0085b", "a\u00a0b", "a\u2028b", "\ta", "a\n"]) {
      assert.match(
        problemsOf(auth('"${T}"'), { T: token }).join("\n"),
        /^\S+ \S+: expected a token without line ends, tabs and control characters[^\n]*$/,
        JSON.stringify(token),
      );
    }
  });

  test("are in no message, in whatever wrong place they stand", () => {
    const secret = "hunter2secret";
    const slips = [
      auth(`"${secret} "`),
      auth(`"a", [${secret}]`),
      auth("true").replace("true", `{ x: ${secret} }`),
      full({ route: `authentication: { tokens: ${secret} }` }),
      full({ route: `authentication: ${secret}` }),
      full({ route: `authentication: { token: ${secret} }` }),
      full({ route: `authentication: { tokens: ["${secret}" "x"] }` }),
      full({ route: `authentication: { tokens: [*${secret}] }` }),
      full({ route: `authentication: { tokens: [!${secret} x] }` }),
      full({}).replace("http://a:1", `http://user:${secret}@a:1`),
      full({ rest: `admin: { address: ":9", token: [${secret}] }` }),
      full({ rest: `admin: { address: ":9", token: "${secret} " }` }),
      full({ rest: `admin: { address: ":9", tokens: "${secret}" }` }),
      full({ rest: `admin: ${secret}` }),
      `backends: ["http://a"]\nauthentication: { enabled: ${secret}, required_token: ["${secret}"] }\n`,
    ];
    for (const text of slips) assert.ok(!problemsOf(text).join("\n").includes(secret), problemsOf(text).join("\n"));
    assert.ok(
      !problemsOf(full({ rest: "workers: ${S}" }), { S: secret })
        .join("\n")
        .includes(secret),
    );
    assert.ok(
      !problemsOf(auth('"file:t"'), {}, () => `${secret} `)
        .join("\n")
        .includes(secret),
    );
  });

  test("any token that a field can carry arrives as it is", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[!-~]{1,40}$/), (token) => {
        assert.equal(
          tokenOf('"${T}"', { T: token }, () => token),
          token,
        );
      }),
    );
  });
});
