/** Certificates under the real command, with two workers: replaced while it runs, wrong, added by a reload. What is noticed: listener-certificates.test.ts. */
import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import tls from "node:tls";
import { moduleFolder } from "../../src/middleware/module-folder.fixture.ts";
import { TestAuthority } from "../support/certificates.ts";
import type { TestCertificate } from "../support/certificates.ts";
import { millrace, reached, said } from "../support/run-command.ts";

const YAML = `listeners:
  - address: "127.0.0.1:0"
    tls: { certificates: [{ cert_file: live/site.pem, key_file: live/site.key, key_passphrase: "file:passphrase" }] }
workers: 2
routes: [{ respond: { body: in } }]
`;

test("a certificate that is replaced counts for both workers without a command; a wrong one is named and changes nothing", async (t) => {
  const authority = await TestAuthority.create();
  const [first, second] = await Promise.all([authority.issue(["a.test"]), authority.issue(["a.test"])]);
  const folder = moduleFolder(t, {
    "millrace.yaml": YAML,
    "live/site.pem": first.chain,
    "live/site.key": first.key,
    passphrase: "hunter2\n",
  });
  const config = path.join(folder.path, "millrace.yaml");
  const running = millrace(t, "run", "--config", config);
  const port = Number((await said(running, /listening on https:\/\/127\.0\.0\.1:(\d+)/))[1]);
  /** Whether connections, which the system spreads over the workers, all get this certificate. */
  const all = async ({ fingerprint }: TestCertificate): Promise<boolean> =>
    (await Promise.all(Array.from({ length: 12 }, () => certificateOf(port, authority)))).every((each) => each === fingerprint);
  assert.ok(await all(first));

  folder.write("next.pem", second.chain);
  folder.write("next.key", second.key);
  renameSync(path.join(folder.path, "next.pem"), path.join(folder.path, "live/site.pem"));
  renameSync(path.join(folder.path, "next.key"), path.join(folder.path, "live/site.key"));
  await reached(() => all(second));
  await reached(() => running.out.includes("certificate_file_read"));

  folder.write("live/site.pem", first.chain.slice(0, 200));
  await reached(() => running.out.includes("certificate_file_refused"));
  assert.ok(await all(second));
  running.child.kill("SIGHUP");
  await reached(() => running.out.includes("config_refused"));
  assert.ok(await all(second));

  folder.write("live/site.pem", first.chain);
  folder.write("live/site.key", first.key);
  running.child.kill("SIGHUP");
  await reached(() => all(first));
  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);
  assert.doesNotMatch(running.out + running.err, /hunter2|PRIVATE/);
});

/** SHA-256 of the certificate that a client gets, in hexadecimal. */
async function certificateOf(port: number, authority: TestAuthority): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ port, host: "127.0.0.1", servername: "a.test", ca: authority.certificate }, () => {
      resolve(socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase());
      socket.destroy();
    });
    socket.once("error", reject);
  });
}
