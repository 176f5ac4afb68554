/**
 * Chromium with a home of its own, in whose NSS database an authority is trusted and a client certificate lies. Nothing of the user's or the system's is
 * changed: which certificate is shown to which site says a policy, which is mounted over Chromium's folder of policies for that process alone.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";
import type { TestCertificate } from "./certificates.ts";

const EXECUTABLE = "/usr/bin/chromium";
/** Where Debian's Chromium looks for policies, in a folder `policies/managed`. */
const SETTINGS = "/etc/chromium";
const PASSWORD = "p12";
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What `skip` of a test takes. */
export function missingChromium(): string | false {
  if (!existsSync(EXECUTABLE)) return "chromium is not installed: apt-get install chromium";
  for (const [program, debianPackage] of [
    ["certutil", "libnss3-tools"],
    ["openssl", "openssl"],
  ] as const)
    if (spawnSync(program, ["--version"], { stdio: "ignore" }).error !== undefined)
      return `${program} is not installed: apt-get install ${debianPackage}`;
  return false;
}

/** Whether a policy can be mounted for a process. */
export function mayMount(): boolean {
  return (
    existsSync(SETTINGS) && spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", SETTINGS], { stdio: "ignore" }).status === 0
  );
}

export interface ChromiumOptions {
  /** The trusted authority, as PEM text. */
  readonly authority: string;
  /** A certificate that is shown to every site which asks for one. Only where `mayMount`. */
  readonly client?: TestCertificate;
  /** `MAP site.test:443 127.0.0.1:8443`: where names lead. */
  readonly hosts: readonly string[];
}

export interface TrustingChromium {
  readonly browser: Browser;
  close(): Promise<void>;
}

export async function launchTrusting({ authority, client, hosts }: ChromiumOptions): Promise<TrustingChromium> {
  const home = mkdtempSync(path.join(tmpdir(), "millrace-chromium-"));
  const file = (name: string, text: string): string => {
    const full = path.join(home, name);
    mkdirSync(path.dirname(full), { recursive: true });
    writeFileSync(full, text);
    return full;
  };
  const database = path.join(home, ".pki/nssdb");
  mkdirSync(database, { recursive: true });
  const run = (program: string, ...argv: readonly string[]): void => void execFileSync(program, argv, { stdio: "pipe" });
  run("certutil", "-d", `sql:${database}`, "-N", "--empty-password");
  run("certutil", "-d", `sql:${database}`, "-A", "-n", "authority", "-t", "C,,", "-i", file("authority.pem", authority));
  let executablePath = EXECUTABLE;
  if (client !== undefined) {
    const bundle = path.join(home, "client.p12");
    const pair = ["-in", file("client.pem", client.chain), "-inkey", file("client.key", client.key)];
    run("openssl", "pkcs12", "-export", ...pair, "-name", "client", "-out", bundle, "-passout", `pass:${PASSWORD}`);
    run("pk12util", "-d", `sql:${database}`, "-i", bundle, "-W", PASSWORD, "-K", "");
    const policy = { AutoSelectCertificateForUrls: [JSON.stringify({ pattern: "*", filter: {} })] };
    file("settings/policies/managed/millrace.json", JSON.stringify(policy));
    executablePath = file(
      "chromium",
      `#!/bin/sh\nexec unshare --mount sh -c 'mount --bind "$0" ${SETTINGS} && exec ${EXECUTABLE} "$@"' ${home}/settings "$@"\n`,
    );
    chmodSync(executablePath, 0o755);
  }
  const rules = `--host-resolver-rules=${hosts.join(",")}`;
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: path.join(home, ".config"), XDG_DATA_HOME: path.join(home, ".local/share") };
  const browser = await chromium.launch({ executablePath, headless: true, args: [...ARGUMENTS, rules], env });
  return {
    browser,
    close: async () => {
      await browser.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
