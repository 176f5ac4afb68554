/** The proxies of the fault matrix. A theme takes one, has it use its configuration, and gives it back. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { RawClient } from "../support/raw-client.ts";
import { NameService } from "../support/name-service.ts";
import type { LogRecord } from "../support/printed.ts";
import type { Scrape } from "../support/scrape.ts";
import type { ScriptedOrigin } from "../support/scripted-origin.ts";
import { WITHOUT_RAW_ACCESS } from "../support/without-raw-access.ts";
import { HostProgram } from "./host-program.ts";
import { TLS_FILES } from "../support/tls-files.ts";
import type { ListenerName } from "./row.ts";

/** What the rows of a theme share. */
export interface Stage extends StagedProxy {
  readonly origin: ScriptedOrigin;
  readonly second: ScriptedOrigin;
  readonly workers: number;
  /** The scrape after the row before, with which the next row compares its own; null: that row failed, or there was none. */
  settled: Scrape | null;
}

export interface StagedProxy {
  readonly proxy: ProxyInUse;
  /** Connects a client to the listener of that name. */
  connect(listener: ListenerName): Promise<RawClient>;
  /** The clients come through a program that the proxy is embedded in. */
  readonly isEmbedded: boolean;
}

export interface ProxyInUse {
  readonly adminPort: number;
  readonly pid: number;
  /** Access log records so far. */
  access(): readonly LogRecord[];
  /** Waits until the condition holds; it is asked whenever something was printed. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Everything that was printed so far. */
  output(): string;
  /** The theme is over. */
  release(): void;
}

interface Command {
  readonly proxy: Millrace;
  /** Commands of the same kind differ in nothing that a reload cannot change. */
  readonly kind: string;
  isFree: boolean;
}

const commands: Command[] = [];
/** The program in which all embedded proxies live; null: none was wanted yet. */
let program: HostProgram | null = null;

/** What the names in the endpoints' URLs lead to. All proxies use it, so that the theme of names needs none of its own. */
const names = await NameService.start({ "later.test": "SERVFAIL", "silent.test": "silence" });
names.hosts("::1 dual.test\n127.0.0.1 dual.test\n");
// A look-up that a row waits for must not end by itself.
names.resolvConf(`nameserver ${names.server}\noptions timeout:30`);

after(async () => {
  const codes = await Promise.all([...commands.map(({ proxy }) => proxy.stop()), program?.stop() ?? 0]);
  names.close();
  for (const { proxy } of commands) assertHealthy(proxy.output());
  assertHealthy(program?.output() ?? "");
  assert.ok(
    codes.every((code) => code === 0),
    `proxies ended with ${codes.join(", ")}`,
  );
});

export function assertHealthy(output: string): void {
  assert.doesNotMatch(output, /worker_exited|worker_not_replaced|middleware_failed|internal error|log_lines_dropped/);
}

/**
 * The command with this configuration and its three listeners. One whose theme is over takes up the next one by a reload, which costs a tenth
 * of a start.
 */
export async function runCommand(config: string, workers: number, throughStreams: boolean, overTls: boolean): Promise<StagedProxy> {
  const command = await commandFor(config, JSON.stringify([workers, throughStreams, overTls]), throughStreams);
  const { proxy } = command;
  const [patient = 0, hasty = 0, steady = 0] = [...proxy.output().matchAll(/listening on https?:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) =>
    Number(port),
  );
  const ports = { patient, hasty, steady };
  const { adminPort, access, until, output } = proxy;
  const release = (): void => void (command.isFree = true);
  const inUse = { adminPort, pid: proxy.process.pid ?? 0, access, until, output, release };
  const connect = (name: ListenerName): Promise<RawClient> =>
    overTls ? RawClient.connectTls(ports[name], { ca: TLS_FILES.ca, servername: "a.test" }) : RawClient.connect(ports[name]);
  return { proxy: inUse, connect, isEmbedded: false };
}

async function commandFor(config: string, kind: string, throughStreams: boolean): Promise<Command> {
  const free = commands.find((each) => each.isFree && each.kind === kind);
  if (free === undefined) {
    const { environment } = names;
    if (throughStreams) environment["NODE_OPTIONS"] += ` ${WITHOUT_RAW_ACCESS}`;
    const started = { proxy: await startMillrace(config, environment), kind, isFree: false };
    commands.push(started);
    return started;
  }
  free.isFree = false;
  await free.proxy.reload(config);
  return free;
}

/** A proxy embedded in a program. All of these are in one program, whatever their configuration. */
export async function runEmbedded(config: string, byFetch: boolean): Promise<StagedProxy> {
  program ??= new HostProgram(names.environment);
  const host = program;
  const { port, adminPort } = await host.embed(config, byFetch);
  return {
    proxy: {
      adminPort,
      pid: host.pid,
      access: () => host.access(),
      until: (condition, what) => host.until(condition, what),
      output: () => host.output(),
      release: () => {},
    },
    connect: () => RawClient.connect(port),
    isEmbedded: true,
  };
}
