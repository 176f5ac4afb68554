/** TLS towards programs that others wrote: curl, openssl, Python, Java, and testssl, which looks for weaknesses. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { missing, run, startTlsPeers } from "../support/tls-peers.ts";
import type { Ran, TlsPeers } from "../support/tls-peers.ts";

const REQUEST = "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const VERSIONS = ["1.2", "1.3"];
/** Enough for many records, reads and writes. */
const LARGE = 5 << 20;
/** testssl waits for time-outs more than it computes. */
const TESTSSL_LIMIT_MS = 180_000;

const programOf = (name: string): string => fileURLToPath(new URL(`./tls-peers/${name}`, import.meta.url));

let peers: TlsPeers;
before(async () => {
  peers = await startTlsPeers();
});
after(() => peers.stop());

describe("curl", { skip: missing("curl") }, () => {
  const curl = (...argv: readonly string[]): Promise<Ran> => run("curl", ["-sS", "--max-time", "20", ...argv]);

  for (const version of VERSIONS) {
    test(`two requests on one connection with TLS ${version}; HTTP/2 is declined`, async () => {
      const says = "%{http_code} %{http_version} %{num_connects} %{ssl_verify_result}\n";
      const only = ["--cacert", peers.authority, `--tlsv${version}`, "--tls-max", version, "-w", says];
      const url = `https://localhost:${peers.port}/hello`;
      const { code, out, err } = await curl("--http2", ...only, "-o", "/dev/null", url, "-o", "/dev/null", url);
      assert.deepEqual([code, out, err], [0, "200 1.1 1 0\n200 1.1 0 0\n", ""]);
      assert.deepEqual(
        peers.asked().map((head) => head["x-forwarded-proto"]),
        ["https", "https"],
      );
    });
  }

  test("a large body goes up and comes back as it was", async () => {
    const [sent, received] = [path.join(peers.folder, "sent"), path.join(peers.folder, "received")];
    writeFileSync(sent, randomBytes(LARGE));
    const argv = ["--cacert", peers.authority, "--data-binary", `@${sent}`, "-o", received, `https://localhost:${peers.port}/echo`];
    assert.deepEqual(await curl(...argv), { code: 0, out: "", err: "" });
    assert.ok(readFileSync(sent).equals(readFileSync(received)));
  });

  test("an old version and an unknown authority end the handshake, plain HTTP gets 400", async () => {
    const url = `https://localhost:${peers.port}/hello`;
    const old = await curl("--cacert", peers.authority, "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0", url);
    assert.equal(old.code, 35, old.err);
    const unknown = await curl(url);
    assert.equal(unknown.code, 60, unknown.err);
    const plain = await curl("-w", "%{http_code}", "-o", "/dev/null", `http://localhost:${peers.port}/hello`);
    assert.equal(plain.out, "400", plain.err);
  });

  test("a client certificate is asked for, verified and passed on", async () => {
    const argv = ["--cacert", peers.authority, `https://localhost:${peers.closedPort}/hello`];
    const without = await curl(...argv);
    assert.ok(without.code === 56 || without.code === 35, `${without.code}: ${without.err}`);
    peers.asked();
    const known = await curl("--cert", peers.certificate, "--key", peers.key, ...argv);
    assert.deepEqual([known.code, known.out], [0, "hello"], known.err);
    assert.match(String(peers.asked()[0]?.["client-cert"]), /^:[A-Za-z0-9+/]+=*:$/);
  });
});

describe("openssl s_client", { skip: missing("openssl") }, () => {
  const client = (argv: readonly string[], input: string = REQUEST): Promise<Ran> =>
    run("openssl", ["s_client", "-connect", `127.0.0.1:${peers.port}`, "-CAfile", peers.authority, ...argv], input);

  for (const version of VERSIONS) {
    test(`a session of TLS ${version} is resumed by its ticket`, async () => {
      const file = path.join(peers.folder, `session-${version}`);
      const only = ["-ign_eof", `-tls${version.replace(".", "_")}`, "-servername", "localhost"];
      const first = await client([...only, "-sess_out", file]);
      assert.match(first.out, /^New, TLSv1\.\d, Cipher is /m);
      assert.match(first.out, /Verify return code: 0 \(ok\)[\s\S]*hello/);
      // Several times, so that another worker takes one of them.
      for (let time = 0; time < 4; time++) {
        const { out } = await client([...only, "-sess_in", file]);
        assert.match(out, new RegExp(`^Reused, TLSv${version}, Cipher is `, "m"));
        assert.match(out, /hello/);
      }
    });
  }

  test("the name in SNI chooses the certificate; the first one serves others", async () => {
    for (const [name, chosen] of [
      ["app.test", "app.test"],
      ["APP.TEST", "app.test"],
      ["other.test", "localhost"],
    ] as const) {
      const { out } = await client(["-ign_eof", "-servername", name]);
      assert.match(out, new RegExp(`^subject=CN ?= ?${chosen}$`, "m"), name);
    }
    const { out } = await client(["-ign_eof", "-noservername"]);
    assert.match(out, /^subject=CN ?= ?localhost$/m);
  });

  test("of h2 and http/1.1 the latter is chosen", async () => {
    const { out } = await client(["-ign_eof", "-alpn", "h2,http/1.1"]);
    assert.match(out, /^ALPN protocol: http\/1\.1$/m);
  });

  test("TLS 1.2 is not renegotiated", async () => {
    const { out, err } = await client(["-tls1_2"], "R\n");
    assert.match(out + err, /RENEGOTIATING[\s\S]*(?:unexpected eof|reset|broken pipe|errno=104)/i);
  });
});

test("Python", { skip: missing("python3") }, async () => {
  const argv = [peers.authority, peers.port, peers.closedPort, peers.certificate, peers.key].map(String);
  const { code, out, err } = await run("python3", [programOf("client.py"), ...argv]);
  assert.equal(code, 0, err);
  const kept = { first: "hello", second: 1_000_000, kept: true, resumed: true };
  const { withoutCertificate, ...others } = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual(others, {
    tls12: { ...kept, version: "TLSv1.2" },
    tls13: { ...kept, version: "TLSv1.3" },
    withCertificate: "hello",
    unknownAuthority: "SSLCertVerificationError",
  });
  assert.match(String(withoutCertificate), /Error|Disconnected/);
});

test("Java", { skip: missing("javac", "default-jdk-headless") }, async () => {
  const argv = [peers.authority, peers.port, peers.closedPort, peers.certificate, peers.key].map(String);
  const { code, out, err } = await run("java", [programOf("Client.java"), ...argv], "", 60_000);
  assert.equal(code, 0, err);
  const seen = ["TLSv1.2", "TLSv1.3"].flatMap((version) => [
    `${version} HTTP_1_1 ${version} hello`,
    `${version} echoed ${1 << 20}`,
    `${version} at once 50`,
  ]);
  assert.deepEqual(out.trim().split("\n"), [...seen, "with certificate hello", "without certificate refused", "unknown authority refused"]);
});

test("testssl finds nothing above LOW", { skip: missing("testssl", "testssl.sh") }, async () => {
  const file = path.join(peers.folder, "testssl.json");
  // All but each cipher by itself and what known browsers would get, which take as long as the rest: protocols, kinds of ciphers, forward
  // secrecy, the server's choice and certificate, headers, known weaknesses.
  const checks = ["-p", "-s", "-f", "-P", "-S", "-h", "-U"];
  const quiet = ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1"];
  const argv = [...quiet, "--add-ca", peers.authority, "--jsonfile", file, ...checks, `localhost:${peers.port}`];
  const { out, err } = await run("testssl", argv, "", TESTSSL_LIMIT_MS);
  const findings = JSON.parse(readFileSync(file, "utf8")) as { readonly id: string; readonly severity: string; readonly finding: string }[];
  assert.ok(findings.length > 80, out + err);
  // WARN is said of checks that could not be made, as when s_client leaves before its ticket is there.
  const bad = findings.filter(({ id, severity }) => !["OK", "INFO", "LOW", "WARN"].includes(severity) && !EXPECTED.has(id));
  assert.deepEqual(bad, []);
});

/** The authority of the tests has no place to ask whether a certificate was revoked. */
const EXPECTED: ReadonlySet<string> = new Set(["cert_revocation"]);
