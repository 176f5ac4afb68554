/**
 * Connects to a Redis, alone or as a cluster. When a connection is lost, it is the caller who connects again (store-client.ts), so that one place decides how often; only the
 * connections to the machines of a cluster are kept up by the package.
 */
import { readFileSync } from "node:fs";
import { codeOf, messageOf } from "../../base/errors.ts";
import type { RedisStoreConfig } from "../../config/schema/stores-schema.ts";
import { emissionIntervalUs } from "../../policy/rate-limit/gcra.ts";
import { spanUs } from "../leases.ts";
import { NOTICES_MAX } from "../notices.ts";
import { StoreFault } from "../store-connection.ts";
import type { StoreConnection, StoreConnector } from "../store-connection.ts";
import { loadClient } from "./client-package.ts";
import { APPEND } from "./append-script.ts";
import { GCRA } from "./gcra-script.ts";
import { KEPT_AFTER_MS, WINDOW } from "./window-script.ts";
import { windowName } from "../store-connection.ts";
import { keySlot } from "./key-slot.ts";
import type { Script } from "./script.ts";

/** For a connection, TLS handshake included, and for each step after it. */
const CONNECT_MS = 1000;
/** For what is still to be sent when a connection ends. */
const END_MS = 200;
/** Between two tries of the package to reach a machine of a cluster again. */
const NODE_AGAIN_MS = 250;
/** A cluster that moves keys sends a command on once; more often it is in disorder. */
const REDIRECTIONS_MAX = 3;

export class RedisConnector implements StoreConnector {
  private readonly config: RedisStoreConfig;

  constructor(config: RedisStoreConfig) {
    this.config = config;
  }

  async connect(lost: (why: string) => void): Promise<StoreConnection> {
    try {
      return this.config.cluster === undefined ? await this.single(lost) : await this.cluster(this.config.cluster);
    } catch (error) {
      throw faultOf(error);
    }
  }

  private async single(lost: (why: string) => void): Promise<StoreConnection> {
    const { createClient } = await loadClient();
    const { url = "" } = this.config;
    const client = createClient({
      ...this.common(),
      ...(placeOf(url).database === 0 ? {} : { database: placeOf(url).database }),
      socket: { ...this.socket(url), reconnectStrategy: false },
    });
    let isReady = false;
    let isClosed = false;
    client.on("error", (error: unknown) => {
      if (!isReady || isClosed) return;
      isReady = false;
      // After an answer that cannot be read nobody knows which answer belongs to which question.
      client.destroy();
      lost(faultOf(error).message);
    });
    await within(client.connect(), () => client.destroy());
    // Says at once what would keep every question from an answer: a password that is wrong, or data that is still being loaded.
    await within(client.sendCommand(["SCRIPT", "LOAD", GCRA.text]), () => client.destroy());
    isReady = true;
    return {
      ...asking((_key, args) => client.sendCommand(args)),
      machineOf: () => "",
      close: () => {
        isClosed = true;
        client.destroy();
      },
      end: () => {
        isClosed = true;
        return ended(client);
      },
    };
  }

  private async cluster(urls: readonly string[]): Promise<StoreConnection> {
    const { createCluster } = await loadClient();
    const { database: _none, ...common } = this.common();
    const { commandOptions, ...defaults } = common;
    const cluster = createCluster({
      RESP: 2,
      commandOptions,
      rootNodes: urls.map((url) => ({ socket: { ...this.socket(url), reconnectStrategy: false } })),
      defaults: { ...defaults, socket: { ...this.tls(urls[0] ?? ""), connectTimeout: CONNECT_MS, reconnectStrategy: () => NODE_AGAIN_MS } },
      maxCommandRedirections: REDIRECTIONS_MAX,
    });
    cluster.on("error", () => {});
    await within(cluster.connect(), () => cluster.destroy());
    return {
      ...asking((key, args) => cluster.sendCommand(key, false, args)),
      machineOf: (name) => cluster.slots[keySlot(name)]?.master.address ?? "nobody",
      close: () => cluster.destroy(),
      end: () => ended(cluster),
    };
  }

  private common() {
    const { username, password } = this.config;
    return {
      RESP: 2 as const,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      name: "millrace",
      database: 0,
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: "disabled" as const,
      // The caller has a time limit of its own, and the package would make a timer for each command.
      commandOptions: { timeout: 0 },
    };
  }

  private socket(url: string) {
    const { host, port, path } = placeOf(url);
    const where = path === null ? { host, port } : { path };
    return { ...where, ...this.tls(url), connectTimeout: CONNECT_MS };
  }

  /** Read at each connection, so that a new file is used by the next one. */
  private tls(url: string) {
    if (!url.startsWith("rediss:")) return {};
    const { ca_file: caFile, server_name: serverName } = this.config.tls ?? {};
    const name = serverName ?? placeOf(url).host;
    return {
      tls: true as const,
      ...(/^[\d.]+$|:/.test(name) ? {} : { servername: name }),
      ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    };
  }
}

interface Place {
  readonly host: string;
  readonly port: number;
  /** Of a Unix socket; null: it is none. */
  readonly path: string | null;
  readonly database: number;
}

function placeOf(url: string): Place {
  if (url.startsWith("unix:")) return { host: "", port: 0, path: url.slice("unix:".length), database: 0 };
  const { hostname, port, pathname } = new URL(url);
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? 6379 : Number(port),
    path: null,
    database: Number(pathname.slice(1)),
  };
}

type Send = (key: string, args: string[]) => Promise<unknown>;

function asking(send: Send): Pick<StoreConnection, "send" | "append" | "readNotices"> {
  return {
    send: ({ name, limit, cost, least }) => {
      const { rate, debtMax, windowMs } = limit;
      if (windowMs !== undefined) {
        const given = [rate.burst, cost, least ?? "all", Math.ceil(windowMs) + KEPT_AFTER_MS];
        return run(send, WINDOW, windowName(name), given.map(String));
      }
      const numbers = [emissionIntervalUs(rate), rate.burst, debtMax, cost, least ?? "all", spanUs(limit)];
      return run(send, GCRA, name, numbers.map(String));
    },
    append: (topic, text, keepMs) => run(send, APPEND, topic, [text, String(Math.ceil(keepMs))]),
    readNotices: async (topic, after) => {
      try {
        const reply = await send(topic, ["XRANGE", topic, `(${after}`, "+", "COUNT", String(NOTICES_MAX)]);
        // Each is its number, and a list of names and values, of which there is one.
        return Array.isArray(reply) ? reply.map((each: unknown) => noticeIn(each)) : null;
      } catch (error) {
        throw faultOf(error);
      }
    },
  };
}

function noticeIn(each: unknown): unknown {
  const [number, fields]: readonly unknown[] = Array.isArray(each) ? each : [];
  const [, text]: readonly unknown[] = Array.isArray(fields) ? fields : [];
  return { number, text };
}

async function run(send: Send, { text, sha1 }: Script, key: string, given: readonly string[]): Promise<unknown> {
  try {
    return await send(key, ["EVALSHA", sha1, "1", key, ...given]);
  } catch (error) {
    // A store that was restarted, or another machine of a cluster, does not know the script yet.
    if (wordOf(error) !== "NOSCRIPT") throw faultOf(error);
  }
  try {
    return await send(key, ["EVAL", text, "1", key, ...given]);
  } catch (error) {
    throw faultOf(error);
  }
}

/** Ends a connection when all is answered, or at once if that takes too long. */
async function ended(client: { close(): Promise<unknown>; destroy(): void }): Promise<void> {
  const timer = setTimeout(() => client.destroy(), END_MS);
  try {
    await client.close();
  } catch {
    // It was closed already.
  } finally {
    clearTimeout(timer);
  }
}

/** Rejects when it takes too long, and then ends what was begun. */
async function within<T>(promise: Promise<T>, end: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new StoreFault(`there was no connection within ${CONNECT_MS} ms`)), 2 * CONNECT_MS);
      }),
    ]);
  } catch (error) {
    promise.catch(() => {});
    end();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The word with which Redis begins an error: `OOM`, `LOADING`. "": it is another error. */
function wordOf(error: unknown): string {
  return /^-?([A-Z]{2,20})\b/.exec(messageOf(error))?.[1] ?? "";
}

/** What the words mean. Whatever else stands in an error of the store is not shown: it may quote what was sent. */
const WORDS: Readonly<Record<string, string>> = {
  OOM: "it is full (OOM)",
  LOADING: "it is loading its data (LOADING)",
  BUSY: "it is busy with a script (BUSY)",
  READONLY: "it is a replica and cannot be written (READONLY)",
  MASTERDOWN: "it is a replica without its master (MASTERDOWN)",
  CLUSTERDOWN: "the cluster is down (CLUSTERDOWN)",
  TRYAGAIN: "the cluster is moving keys (TRYAGAIN)",
  MISCONF: "it cannot save its data and refuses to be written (MISCONF)",
  NOREPLICAS: "it has too few replicas (NOREPLICAS)",
  NOAUTH: "it asks for a password (NOAUTH)",
  WRONGPASS: "it does not accept the username and password (WRONGPASS)",
  NOPERM: "its user may not do that (NOPERM)",
  WRONGTYPE: "a key holds something else (WRONGTYPE)",
  MOVED: "it is part of a cluster (MOVED): name its machines in cluster",
};

/** A store that says so needs time. After others it may help to connect again: to the master that has its name now, or with another password. */
const PASSING: ReadonlySet<string> = new Set(["OOM", "LOADING", "BUSY", "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "NOREPLICAS"]);

function faultOf(error: unknown): StoreFault {
  if (error instanceof StoreFault) return error;
  const word = wordOf(error);
  const known = WORDS[word];
  if (known !== undefined) return new StoreFault(known, { isOfKey: word === "WRONGTYPE", isPassing: PASSING.has(word) });
  const code = codeOf(error);
  if (code !== "") return new StoreFault(`it cannot be reached (${code})`);
  if (word === "ERR") return new StoreFault("it does not do what it was asked for (ERR)");
  return new StoreFault("the connection was lost");
}
