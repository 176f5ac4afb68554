/**
 * Runs Debian's `pebble`, Let's Encrypt's server for tests of ACME clients, beside `pebble-challtestsrv`, whose DNS leads every name to 127.0.0.1. So what
 * pebble validates is on this machine, at the ports that it is told.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { TestAuthority } from "./certificates.ts";
import { freePort } from "./free-port.ts";
import { reached } from "./run-command.ts";

export interface PebbleWish {
  /** Ports at which pebble validates; free ones if absent. */
  readonly httpPort?: number;
  readonly tlsPort?: number;
  /** Pebble's own variables, such as `PEBBLE_WFE_NONCEREJECT`. Validation is immediate and no nonce is refused unless they say otherwise. */
  readonly faults?: Readonly<Record<string, string>>;
  /** How long certificates are valid; years if absent. */
  readonly validitySeconds?: number;
  /** Keys of external account binding by their names, in base64url. */
  readonly bindings?: Readonly<Record<string, string>>;
}

export interface Pebble {
  readonly directory: string;
  readonly httpPort: number;
  readonly tlsPort: number;
  /** The certificate by which pebble itself is trusted, as PEM text. */
  readonly ca: string;
  /** What pebble has printed. */
  output(): string;
  /** The root of the certificates that it issues, as PEM text. */
  root(): Promise<string>;
  /** Where challtestsrv takes orders. */
  readonly dnsControl: string;
  /** Calls challtestsrv, such as `/set-txt`. */
  dns(path: string, body: object): Promise<void>;
  /** Ends pebble, which forgets everything, and starts it anew at the same address. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Null: the programs are not installed. */
export function whyNoPebble(): string | null {
  const missing = ["pebble", "pebble-challtestsrv"].filter((program) => spawnSync("which", [program]).status !== 0);
  return missing.length === 0 ? null : `not installed: ${missing.join(", ")}`;
}

export async function startPebble(wish: PebbleWish = {}): Promise<Pebble> {
  const [acme, management, dns, control] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const [httpPort, tlsPort] = [wish.httpPort ?? (await freePort()), wish.tlsPort ?? (await freePort())];
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-pebble-"));
  const authority = await TestAuthority.create();
  const { chain, key } = await authority.issue(["localhost", "127.0.0.1"]);
  const at = (name: string, text: string): string => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const settings = {
    listenAddress: `127.0.0.1:${acme}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: at("cert.pem", chain),
    privateKey: at("key.pem", key),
    httpPort,
    tlsPort,
    ocspResponderURL: "",
    externalAccountBindingRequired: wish.bindings !== undefined,
    externalAccountMACKeys: wish.bindings ?? {},
    ...(wish.validitySeconds === undefined ? {} : { certificateValidityPeriod: wish.validitySeconds }),
  };
  const config = at("pebble.json", JSON.stringify({ pebble: settings }));
  let printed = "";
  const run = async (program: string, argv: readonly string[], isReady: RegExp): Promise<ChildProcess> => {
    const environment = { ...process.env, PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "0", ...wish.faults };
    const child = spawn(program, argv, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    await new Promise<void>((resolve, reject) => {
      let own = "";
      const hear = (data: unknown): void => {
        printed += String(data);
        own += String(data);
        if (isReady.test(own)) resolve();
      };
      child.stdout.on("data", hear);
      child.stderr.on("data", hear);
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${program} ended with ${code}: ${own}`)));
    });
    return child;
  };
  const servers = [`-dns01=127.0.0.1:${dns}`, `-management=127.0.0.1:${control}`, "-http01=", "-https01=", "-tlsalpn01="];
  const challenges = await run("pebble-challtestsrv", [...servers, "-defaultIPv6="], /Starting management server/);
  const startServer = async (): Promise<ChildProcess> => {
    const child = await run("pebble", ["-config", config, "-dnsserver", `127.0.0.1:${dns}`], /ACME directory available/);
    // It says so a moment before it listens.
    await reached(() =>
      fetched(`https://127.0.0.1:${acme}/dir`, authority.certificate).then(
        () => true,
        () => false,
      ),
    );
    return child;
  };
  let server = await startServer();
  return {
    directory: `https://localhost:${acme}/dir`,
    httpPort,
    tlsPort,
    ca: authority.certificate,
    output: () => printed,
    root: () => fetched(`https://127.0.0.1:${management}/roots/0`, authority.certificate),
    dnsControl: `http://127.0.0.1:${control}`,
    dns: async (where, body) => {
      const { ok, status } = await fetch(`http://127.0.0.1:${control}${where}`, { method: "POST", body: JSON.stringify(body) });
      if (!ok) throw new Error(`challtestsrv answers ${status} at ${where}`);
    },
    restart: async () => {
      await ended(server);
      server = await startServer();
    },
    stop: async () => {
      await Promise.all([ended(server), ended(challenges)]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

function fetched(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.get(url, { ca, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(text));
    });
    request.on("error", reject);
  });
}
