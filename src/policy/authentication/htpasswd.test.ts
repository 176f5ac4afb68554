import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { USERS_MAX, parseHtpasswd } from "./htpasswd.ts";
import { readPasswordHash } from "./password-hash.ts";

const BCRYPT = "$2y$05$cHhppuUy2r7i2E4DJFEyfu1WZwQKK.pG132MDmtEA4c8o9m6cJhk2";
const ARGON2ID = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$qvUWV6fkyKpnTcpmXSbxwZyfpqeLznBhyBYeDJfEK+A";

function usersOf(text: string): Readonly<Record<string, string>> {
  const read = parseHtpasswd(text);
  assert.ok("users" in read, JSON.stringify(read));
  return Object.fromEntries(read.users);
}

function problemsOf(text: string): readonly string[] {
  const read = parseHtpasswd(text);
  assert.ok("problems" in read, "no problem was found");
  return read.problems;
}

test("users with bcrypt and argon2id, between comments and empty lines", () => {
  const text = `# who may come in\n\nalice:${BCRYPT}\n  bob smith:${ARGON2ID}  \r\n\t# later\nzoë:${BCRYPT.replace("$2y$", "$2b$")}`;
  assert.deepEqual(usersOf(text), { alice: BCRYPT, "bob smith": ARGON2ID, zoë: BCRYPT.replace("$2y$", "$2b$") });
  assert.deepEqual(usersOf(`\u{feff}alice:${BCRYPT}\n`), { alice: BCRYPT });
  assert.deepEqual(usersOf("# nobody yet\n"), {});
});

test("what follows a second colon is a comment", () => {
  assert.deepEqual(usersOf(`alice:${BCRYPT}:admin, since March: ops\nbob:${ARGON2ID}:`), { alice: BCRYPT, bob: ARGON2ID });
});

test("a user twice, also where the first was refused", () => {
  assert.deepEqual(problemsOf(`a:${BCRYPT}\nb:${BCRYPT}\n\na:${ARGON2ID}`), ["line 4: the user of line 1 once more"]);
  const [first = "", second] = problemsOf(`a:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\na:${ARGON2ID}`);
  assert.match(first, /^line 1: .*SHA-1/);
  assert.equal(second, "line 2: the user of line 1 once more");
});

describe("refused hashes", () => {
  /** What `htpasswd` and `argon2` write of the password "secret". */
  const refused: readonly (readonly [kind: string, hash: string, why: RegExp])[] = [
    ["htpasswd -m", "$apr1$OnPTLTdR$qT/tWcSTxbLnGjXh81iRZ/", /MD5 hash \(\$apr1\$\)/],
    ["MD5 of crypt", "$1$OnPTLTdR$qT/tWcSTxbLnGjXh81iRZ/", /MD5 hash \(\$1\$\)/],
    ["htpasswd -s", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", /SHA-1/],
    ["SSHA", "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", /SHA-1/],
    ["htpasswd -d", "6LWyDUnpz6Dwk", /crypt \(DES\), or a password/],
    ["htpasswd -p", "secret", /plain text/],
    ["htpasswd -2", "$5$MlrDhtlyL8ozg32O$2jxgDYaR5oUhxK9oY4fMWpdg9M6kBV3Jg7bFNg9Hcn3", /crypt \(\$5\$ or \$6\$\)/],
    ["yescrypt", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC", /another kind/],
    ["argon2 -i", "$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$ALoF87+ohvijlqgurV70VUs6gLzn4PwtIvRM/nI5wHA", /argon2i or argon2d/],
    ["argon2 -d", "$argon2d$v=19$m=64,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$cv52GdgJhatm15dpNybaBY90GMEvLt95U7OjW7EKR9I", /argon2i or argon2d/],
    [
      "argon2 -id -v 10",
      "$argon2id$v=16$m=64,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$6WeBHql5lIM+g1h11PWkZDByU6zP/lCJe/c599GEnUo",
      /another version/,
    ],
    ["faulty bcrypt", BCRYPT.replace("$2y$", "$2x$"), /kind that had faults/],
    ["bcrypt, cost 15", BCRYPT.replace("$05$", "$15$"), /cost of 15; accepted are 4 to 14/],
    ["bcrypt, cost 3", BCRYPT.replace("$05$", "$03$"), /cost of 3;/],
    ["bcrypt, cut", BCRYPT.slice(0, -1), /damaged/],
    ["bcrypt, too long", `${BCRYPT}a`, /damaged/],
    ["bcrypt, last character of the salt changed", BCRYPT.replace("yfu1W", "yfv1W"), /damaged/],
    ["bcrypt, last character changed", `${BCRYPT.slice(0, -1)}3`, /damaged/],
    ["argon2id, cut", ARGON2ID.slice(0, -1), /damaged/],
    ["argon2id, cut to nothing", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ", /damaged/],
    ["argon2id, other order", ARGON2ID.replace("m=19456,t=2,p=1", "t=2,m=19456,p=1"), /damaged/],
    ["argon2id, padded", `${ARGON2ID}=`, /damaged/],
    ["argon2id, 257 MiB", ARGON2ID.replace("m=19456,t=2", "m=263168,t=1"), /needs 257 MiB of memory .* accepted are 256 MiB/],
    ["argon2id, many passes", ARGON2ID.replace("t=2", "t=54"), /too many passes/],
    ["argon2id, many lanes", ARGON2ID.replace("p=1", "p=17"), /17 lanes/],
    ["argon2id, little memory", ARGON2ID.replace("m=19456", "m=7"), /8 KiB a lane/],
    ["argon2id, short salt", ARGON2ID.replace("c29tZXNhbHQxNmJ5dGVzIQ", "c29tZXNhbA"), /salt of 7 bytes/],
    ["argon2id, short tag", "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$c29tZXNhbA", /tag of 7 bytes/],
  ];
  for (const [kind, hash, why] of refused) {
    test(kind, () => {
      const [problem = "", ...further] = problemsOf(`first:${BCRYPT}\nsecond:${hash}\n`);
      assert.deepEqual(further, []);
      assert.match(problem, /^line 2: what follows the name (is|has|needs|makes) /);
      assert.match(problem, why);
      assert.match(problem, /; make a new line with `millrace hash-password --user NAME` or `htpasswd -B FILE NAME`$/);
      for (const part of hash.split(/[$,]|argon2\w*/)) assert.ok(part.length < 6 || !problem.includes(part), problem);
    });
  }
});

test("the bounds themselves are accepted", () => {
  for (const hash of [
    BCRYPT.replace("$05$", "$04$"),
    BCRYPT.replace("$05$", "$14$"),
    ARGON2ID.replace("m=19456,t=2,p=1", "m=262144,t=4,p=16"),
    ARGON2ID.replace("m=19456,t=2,p=1", "m=8,t=1,p=1"),
  ])
    assert.deepEqual(usersOf(`a:${hash}`), { a: hash });
});

test("names", () => {
  for (const [line, why] of [
    [`:${BCRYPT}`, /the name is empty/],
    [`a\u0000b:${BCRYPT}`, /the name contains a control character/],
    [`a\u0085b:${BCRYPT}`, /the name contains a control character/],
    [`a\rb:${BCRYPT}`, /the name contains a control character/],
    [`alice :${BCRYPT}`, /the name begins or ends with a space/],
    [`${"a".repeat(256)}:${BCRYPT}`, /the name is longer than 255 characters/],
    [`\u{fffd}:${BCRYPT}`, /the name is no UTF-8/],
    [`EXAMPLE:alice:${BCRYPT}`, /the name contains a colon/],
    ["alice:", /there is no hash after the name; make/],
    ["nothing", /expected a name, a colon and a hash; make/],
  ] as const) {
    const [problem = "", ...further] = problemsOf(line);
    assert.deepEqual(further, [], line);
    assert.match(problem, why, line);
  }
  for (const name of ["__proto__", "constructor", "a b", "alice@example.com", "ZOË", "a#b"])
    assert.ok(parseHtpasswd(`${name}:${BCRYPT}`).hasOwnProperty("users"), name);
});

test("a file of another kind: some problems, and the number of the others", () => {
  const problems = problemsOf("some text\n".repeat(1000));
  assert.equal(problems.length, 21);
  assert.equal(problems.at(-1), "and 980 further problems");
});

test("more users than a file may have", () => {
  const lines = Array.from({ length: USERS_MAX + 1 }, (_, index) => `u${index}:${BCRYPT}`).join("\n");
  assert.deepEqual(problemsOf(lines), [`line ${USERS_MAX + 1}: there are more than ${USERS_MAX} users`]);
});

test("whatever a file holds, no problem shows it, and no user has a hash that is refused", () => {
  const word = fc.constantFrom("alice", "hunter2hunter2", BCRYPT, ARGON2ID, "$apr1$xyzzyxyz", ":", "\n", "\r\n", "#", " ", "\u0000", "é");
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), (words) => {
      const read = parseHtpasswd(words.join(""));
      if ("users" in read) for (const hash of read.users.values()) assert.equal(typeof readPasswordHash(hash), "object");
      else assert.ok(read.problems.every((problem) => !/alice|hunter2|xyzzy|cHhppu|qvUWV/.test(problem)));
    }),
  );
});
