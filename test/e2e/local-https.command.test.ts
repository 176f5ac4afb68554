/**
 * `tls: internal` with real clients: curl and OpenSSL with the root in a file, and Chromium with the root where `millrace trust` puts it. Skipped
 * without these programs.
 */
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { ECDSA, SHA256, pemOf, privateKeyPem, importSigningKey } from "../../src/authority/keys.ts";
import { readAuthority } from "../../src/authority/storage.ts";
import { x509 } from "../../src/x509/library.ts";
import { trustCommand } from "../../src/cli/trust.ts";
import { ownSystem, runCommand } from "../../src/cli/trust/own-system.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";

const run = promisify(execFile);
const CHROMIUM = "/usr/bin/chromium";
const missing = ["curl", "openssl"].filter((program) => spawnSync(program, ["--help"]).error !== undefined);
const withoutBrowser = !existsSync(CHROMIUM) || spawnSync("certutil", ["-H"]).error !== undefined;

const CONFIG = `
listeners: [{ address: "127.0.0.1:0", tls: internal }]
workers: 2
routes: [{ respond: { body: "<title>of {host}</title>", headers: { Content-Type: text/html } } }]
`;

describe("tls: internal", { skip: missing.length === 0 ? false : `not installed: ${missing.join(", ")}` }, () => {
  let folder = "";
  let storage = "";
  let proxy: Millrace;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "millrace-local-https-"));
    storage = path.join(folder, "millrace/authority");
    proxy = await startMillrace(CONFIG, { XDG_DATA_HOME: folder });
  });

  after(async () => {
    await proxy.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const curl = async (name: string): Promise<string> => {
    const given = ["-sS", "--max-time", "10", "--cacert", path.join(storage, "root.pem"), "--resolve", `${name}:${proxy.port}:127.0.0.1`];
    try {
      return (await run("curl", [...given, `https://${name}:${proxy.port}/`])).stdout;
    } catch (error) {
      return error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    }
  };

  test("curl trusts local names with the root, in whichever thread they come", async () => {
    const names = ["localhost", "app.localhost", "shop.test", "db.prod.internal", "127.0.0.1"];
    const answers = await Promise.all([...names, ...names, ...names].map((name) => curl(name)));
    assert.deepEqual(
      answers,
      [...names, ...names, ...names].map((name) => `<title>of ${name}</title>`),
    );
  });

  test("a name that is not local gets an alert and no certificate", async () => {
    assert.match(await curl("example.com"), /unrecognized name/);
    assert.equal(await curl("app.test"), "<title>of app.test</title>");
  });

  test("OpenSSL verifies the chain and the name, over TLS 1.2 and 1.3", async () => {
    for (const version of ["-tls1_2", "-tls1_3"]) {
      const given = [
        "-connect",
        `127.0.0.1:${proxy.port}`,
        "-servername",
        "a.b.test",
        "-verify_hostname",
        "a.b.test",
        "-verify_return_error",
      ];
      const client = run("openssl", ["s_client", version, "-CAfile", path.join(storage, "root.pem"), ...given], { timeout: 10_000 });
      client.child.stdin?.end();
      const { stdout } = await client;
      assert.match(stdout, /Verified peername: a\.b\.test/, version);
      assert.match(stdout, /Verify return code: 0 \(ok\)/, version);
    }
  });

  test("processes that start at once have one root", async () => {
    const own = path.join(folder, "together");
    const program = `
      const { LocalAuthority } = await import(process.argv[1]);
      process.stdout.write((await LocalAuthority.open(process.argv[2], Date.now())).root);`;
    const module = new URL("../../src/authority/local-authority.ts", import.meta.url).href;
    const children = Array.from({ length: 4 }, () => spawn(process.execPath, ["--input-type=module", "-e", program, module, own]));
    const roots = await Promise.all(
      children.map(async (child) => {
        let text = "";
        child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
        await once(child, "close");
        return text;
      }),
    );
    assert.match(roots[0] ?? "", /^-----BEGIN CERTIFICATE-----/);
    assert.equal(new Set(roots).size, 1);
  });

  test("Chromium warns without the root, not with it, and refuses what a thief of its key signs", { skip: withoutBrowser }, async () => {
    const forged = await forgery(storage, "shop.example");
    const thief = https.createServer(forged, (_request, response) => response.end("<title>forged</title>"));
    thief.listen(0, "127.0.0.1");
    await once(thief, "listening");
    const { port: thiefPort } = thief.address() as AddressInfo;
    const home = path.join(folder, "home");
    try {
      const pages = [`https://app.localhost:${proxy.port}/`, `https://shop.test:${proxy.port}/`];
      assert.deepEqual(await titles(home, pages), ["ERR_CERT_AUTHORITY_INVALID", "ERR_CERT_AUTHORITY_INVALID"]);
      // Everything that the command does but what needs root.
      const system = { ...ownSystem, home, isFolder: () => false };
      const host = { system, isRoot: false, run: runCommand, ask: null, now: Date.now };
      let printed = "";
      const print = (text: string): void => void (printed += text);
      await trustCommand({ remove: false, yes: true, storage }, host, print, print);
      assert.match(printed, /Done: Chromium/);
      assert.deepEqual(await titles(home, [...pages, `https://shop.example:${thiefPort}/`]), [
        "of app.localhost",
        "of shop.test",
        "ERR_CERT_INVALID",
      ]);
      await trustCommand({ remove: true, yes: true, storage }, host, print, print);
      assert.deepEqual(await titles(home, pages.slice(0, 1)), ["ERR_CERT_AUTHORITY_INVALID"]);
    } finally {
      thief.close();
      thief.closeAllConnections();
    }
  });
});

/** The titles of pages in a browser of that home folder, or why they did not load. */
async function titles(home: string, urls: readonly string[]): Promise<string[]> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--host-resolver-rules=MAP shop.* 127.0.0.1",
    ],
    env: { ...process.env, HOME: home },
  });
  try {
    const page = await browser.newPage();
    const found: string[] = [];
    for (const url of urls) {
      const problem = await page.goto(url, { timeout: 15_000 }).then(
        () => null,
        (error: unknown) => /net::(\w+)/.exec(String(error))?.[1] ?? String(error),
      );
      found.push(problem ?? (await page.title()));
    }
    return found;
  } finally {
    await browser.close();
  }
}

/** A certificate for any name, signed with the authority's stolen key. */
async function forgery(storage: string, name: string): Promise<{ key: string; cert: string }> {
  const stored = readAuthority(storage, Date.now()) ?? assert.fail("there is no authority");
  const signer = new x509.X509Certificate(stored.certificate);
  const keys = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: signer.subjectName,
    publicKey: keys.publicKey,
    signingKey: await importSigningKey(stored.key),
    signingAlgorithm: SHA256,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 86_400_000),
    extensions: [
      await x509.AuthorityKeyIdentifierExtension.create(signer),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
    ],
  });
  return { key: await privateKeyPem(keys.privateKey), cert: pemOf(certificate) + stored.certificate };
}
