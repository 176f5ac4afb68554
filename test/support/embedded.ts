/** A data-plane thread in the test's own process, with the way in for embedded clients, and programs that embed it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { configOf } from "../../src/config/load.fixture.ts";
import type { EmbedHost } from "../../src/embed/embed-host.ts";
import { handleNodeRequest } from "../../src/embed/handle-node-request.ts";
import { handleUpgrade } from "../../src/embed/handle-upgrade.ts";
import { FEATURES } from "../../src/features/features.ts";
import { ListenerContext, trustOf } from "../../src/net/accept/listener-context.ts";
import { machine } from "../../src/net/machine.ts";
import { connectionOf } from "../../src/net/protocols.ts";
import { loneThread } from "../../src/net/lone-thread.ts";
import type { AccessRecord } from "../../src/observe/access-record.ts";
import { eventually } from "./eventually.ts";

export interface Embedded {
  readonly host: EmbedHost;
  readonly records: readonly AccessRecord[];
  /** Events of the application log with their messages. */
  readonly events: readonly { readonly event: string; readonly message: string }[];
  /** Waits for so many access records and returns them. */
  logged(count: number): Promise<readonly AccessRecord[]>;
}

export interface Parts {
  /** Keys of the listener, of the upstream and of the route, as YAML: `max_body: 10`. */
  readonly listener?: string;
  readonly upstream?: string;
  readonly route?: string;
  /** Further top-level keys. */
  readonly rest?: string;
}

/** Starts a thread that forwards to `origin`. */
export function embedded(t: TestContext, origin: string, { listener, upstream, route, rest = "" }: Parts = {}): Embedded {
  const more = (keys: string | undefined): string => (keys === undefined ? "" : `, ${keys}`);
  const config = configOf(
    `listeners: [{ address: ":8080"${more(listener)} }]\nupstreams: { app: { endpoints: ["${origin}"]${more(upstream)} } }\n` +
      `routes: [{ upstream: app${more(route)} }]\n${rest}`,
  );
  const records: AccessRecord[] = [];
  const events: { event: string; message: string }[] = [];
  let look = (): void => {};
  const thread = loneThread(
    config,
    (record) => {
      records.push({ ...record });
      look();
    },
    machine,
    FEATURES,
    (_level, event, message) => void events.push({ event, message }),
  );
  const [settings = assert.fail("there is no listener")] = config.listeners;
  const trust = trustOf(config);
  const host = new ListenerContext(thread, 0, settings, trust, connectionOf);
  t.after(() => {
    host.cut();
    thread.close();
  });
  const logged = async (count: number): Promise<readonly AccessRecord[]> => {
    const subscribe = (then: () => void): (() => void) => {
      look = then;
      return () => (look = () => {});
    };
    await eventually(
      () => records.length >= count,
      subscribe,
      10_000,
      () => `waited for ${count} records; there are ${records.length}`,
    );
    return records;
  };
  return { host, records, events, logged };
}

/** Starts a program on Node's http whose requests and upgrades all go to the proxy, and returns its port. */
export async function embeddingProgram(
  t: TestContext,
  { host }: Embedded,
  onRequest: http.RequestListener = (request, response) => handleNodeRequest(host, request, response),
): Promise<number> {
  const program = http.createServer(onRequest);
  program.on("upgrade", (request, socket, head) => handleUpgrade(host, request, socket, head));
  program.listen(0, "127.0.0.1");
  await once(program, "listening");
  t.after(() => {
    program.closeAllConnections();
    program.close();
  });
  return (program.address() as AddressInfo).port;
}
