/** Millrace with TLS listeners for programs that are no part of it: curl, openssl, testssl, clients in Python and Java. */
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { TestAuthority } from "./certificates.ts";
import { freePort } from "./free-port.ts";
import { startMillrace } from "./millrace.ts";

/** Paths of PEM files. */
export interface TlsPeers {
  /** The authority that all certificates are from. */
  readonly authority: string;
  /** A client's certificate and its key, which only the closed listener asks for. */
  readonly certificate: string;
  readonly key: string;
  /** A listener with nothing but two certificates: for localhost and 127.0.0.1, and for app.test. */
  readonly port: number;
  /** A listener that wants a client certificate. */
  readonly closedPort: number;
  readonly folder: string;
  /** The heads of what the origin was asked, since the last call. */
  asked(): http.IncomingHttpHeaders[];
  stop(): Promise<void>;
}

export interface Ran {
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Starts it. The origin answers `hello` to everything, and a POST with its body; every response has the headers that a browser's page should have. */
export async function startTlsPeers(): Promise<TlsPeers> {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-peers-"));
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const root = await TestAuthority.create();
  // Browsers and testssl find fault with thirty days and with more than 398.
  const notAfter = new Date(Date.now() + 200 * DAY_MS);
  const own = await root.issue(["localhost", "127.0.0.1"], { notAfter });
  const app = await root.issue(["app.test"], { notAfter });
  const client = await root.client("CN=alice");
  const authority = write("authority.pem", root.certificate);
  const pair = (name: string, { chain, key }: { readonly chain: string; readonly key: string }, more: string = ""): string =>
    `{ cert_file: ${write(`${name}.pem`, chain)}, key_file: ${write(`${name}.key`, key)}${more} }`;

  let heads: http.IncomingHttpHeaders[] = [];
  const origin = http.createServer((request, response) => {
    heads.push(request.headers);
    if (request.method !== "POST") response.end("hello");
    // A response that begins before the request has ended would end the connection.
    else void buffer(request).then((body) => response.end(body));
  });
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  const [port, closedPort] = [await freePort(), await freePort()];
  const proxy = await startMillrace(`
listeners:
  - { address: "127.0.0.1:${port}", tls: { certificates: [${pair("own", own)}, ${pair("app", app)}] } }
  - address: "127.0.0.1:${closedPort}"
    tls: { certificates: [${pair("closed", own, `, client_certificates: { mode: required, ca_file: ${authority}, forward: Client-Cert }`)}] }
workers: 2
upstreams: { app: { endpoints: ["http://127.0.0.1:${(origin.address() as AddressInfo).port}"] } }
routes: [{ upstream: app, security_headers: standard }]
`);
  return {
    authority,
    certificate: write("client.pem", client.certificate),
    key: write("client.key", client.key),
    port,
    closedPort,
    folder,
    asked: () => {
      const all = heads;
      heads = [];
      return all;
    },
    stop: async () => {
      await proxy.stop();
      origin.close();
      origin.closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a program to its end; a program that takes too long is ended. @param input what it reads from its standard input */
export function run(program: string, argv: readonly string[], input: string = "", limitMs: number = 30_000): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(program, argv, { timeout: limitMs, maxBuffer: 1 << 26 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? -1), out, err });
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

/** What `skip` of a test takes: false if the program is installed, else why the test is skipped. */
export function missing(program: string, debianPackage: string = program): string | false {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined
    ? false
    : `${program} is not installed: apt-get install ${debianPackage}`;
}
