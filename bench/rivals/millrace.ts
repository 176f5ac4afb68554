import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WITHOUT_RAW_ACCESS } from "../../test/support/without-raw-access.ts";
import { CURVE, SUITE } from "./certificate.ts";
import type { Rival, RivalSetup } from "./rival.ts";

const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));
const FILL_CACHE = "scripts/fill-compile-cache.mjs";

/** How a configuration differs from the plain one. Values are YAML, in flow or block form. */
export interface MillraceSettings {
  /** URLs of the endpoints. Default: only the workload's origin. */
  readonly endpoints?: readonly string[];
  /** The value of `routes`; the upstream is named `app`. Default: one route for everything. */
  readonly routes?: string;
  /** Whether the access log goes to a file. */
  readonly log?: boolean;
  readonly workers?: number;
  /** Whether sockets are Node's streams, as where Node's internals cannot be reached. */
  readonly onStreams?: boolean;
  /** Further keys at the top. */
  readonly more?: string;
}

/** Millrace with one data-plane thread, as nginx has one worker process. The control plane's thread is measured as well. */
export const millrace: Rival = millraceAs("millrace");

/** Millrace with its access log: a JSON line per request into a file. */
export const millraceLogging: Rival = millraceAs("millrace+log", () => ({ log: true }));

/** Millrace where Node's internals cannot be reached. */
export const millraceOnStreams: Rival = millraceAs("millrace on streams", () => ({ onStreams: true }));

export function millraceAs(name: string, settings: (setup: RivalSetup) => MillraceSettings = () => ({})): Rival {
  return {
    name,
    compilesItself: true,
    missing: () => null,
    version: ownRevision,
    prepare: (setup) => command(setup, settings(setup), CHECKOUT),
    at: (revision) => ({
      name: `${name} at ${revision}`,
      missing: () => null,
      version: () => revision,
      prepare: (setup) => command(setup, settings(setup), checkoutOf(revision, setup.folder)),
    }),
  };
}

function command({ port, originPort, folder, certificate }: RivalSetup, settings: MillraceSettings, checkout: string): readonly string[] {
  const {
    endpoints = [`http://127.0.0.1:${originPort}`],
    routes = "[{ upstream: app }]",
    log = false,
    workers = 1,
    more = "",
    onStreams = false,
  } = settings;
  const file = path.join(folder, "millrace.yaml");
  const tls =
    certificate === null
      ? ""
      : `, tls: { certificates: [{ cert_file: ${JSON.stringify(certificate.certificate)}, key_file: ${JSON.stringify(certificate.key)} }], min_version: "1.3", ciphers: ${SUITE}, curves: ${CURVE} }`;
  const configuration = `listeners: [{ address: "127.0.0.1:${port}"${tls} }]
workers: ${workers}
upstreams:
  app: { endpoints: ${JSON.stringify(endpoints)} }
routes: ${routes}
logging: { level: warn, access: ${log}${log ? `, output: ${JSON.stringify(path.join(folder, "access.log"))}` : ""} }
${more}
`;
  writeFileSync(file, configuration);
  fillCompileCache(checkout);
  return [
    process.execPath,
    ...(onStreams ? WITHOUT_RAW_ACCESS.split(" ") : []),
    path.join(checkout, "src/main.ts"),
    "run",
    "--config",
    file,
  ];
}

/** The revision that is measured: the commit of this checkout, with `-dirty` if files differ from it; "" without git. */
export function ownRevision(): string {
  const { status, stdout } = spawnSync("git", ["-C", CHECKOUT, "describe", "--always", "--dirty"], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : "";
}

/** Null if the revision exists; else a message that it does not. */
export function unknownRevision(revision: string): string | null {
  const { status } = spawnSync("git", ["-C", CHECKOUT, "rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`]);
  return status === 0 ? null : `there is no revision ${JSON.stringify(revision)} of this repository`;
}

/** The folders of revisions that were checked out. */
const checkouts: Map<string, string> = new Map();

/** Checks out another revision and returns its folder. It uses the packages that are installed now if it names the same ones. */
function checkoutOf(revision: string, folder: string): string {
  const known = checkouts.get(revision);
  if (known !== undefined) return known;
  const checkout = path.join(folder, "checkout");
  mkdirSync(path.join(checkout, "scripts"), { recursive: true });
  const archive = execFileSync("git", ["-C", CHECKOUT, "archive", revision, "src", "package.json", "package-lock.json"], {
    maxBuffer: 1 << 28,
  });
  execFileSync("tar", ["-x", "-C", checkout], { input: archive });
  if (dependenciesOf(checkout) === dependenciesOf(CHECKOUT)) linkPackages(checkout);
  else execFileSync("npm", ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: checkout, stdio: "pipe" });
  copyFileSync(path.join(CHECKOUT, FILL_CACHE), path.join(checkout, FILL_CACHE));
  checkouts.set(revision, checkout);
  return checkout;
}

/** The packages that a published version installs, with their versions, as text. */
function dependenciesOf(checkout: string): string {
  const described: { readonly dependencies?: object } = JSON.parse(readFileSync(path.join(checkout, "package.json"), "utf8"));
  return JSON.stringify(described.dependencies);
}

function linkPackages(checkout: string): void {
  // One by one: the compile cache, which lies among them, is its own.
  mkdirSync(path.join(checkout, "node_modules"));
  for (const name of readdirSync(path.join(CHECKOUT, "node_modules"))) {
    if (name !== ".cache") symlinkSync(path.join(CHECKOUT, "node_modules", name), path.join(checkout, "node_modules", name));
  }
}

const started: Set<string> = new Set();

/**
 * A process that finds no sources without types in Node's compile cache makes them itself, and holds 20 to 40 MiB more from then on: two
 * revisions of which one has to could not be compared. So a checkout is started once before it counts, whether its sources are new or not.
 */
function fillCompileCache(checkout: string): void {
  if (started.has(checkout)) return;
  started.add(checkout);
  execFileSync(process.execPath, [path.join(checkout, FILL_CACHE)]);
}
