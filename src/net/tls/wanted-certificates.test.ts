/** Clients that name a name for which the listener has no certificate yet: they wait, and get one or are refused. */
import assert from "node:assert/strict";
import net from "node:net";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { WAYS, connect, refusal, served, settings, shownNames, startTls } from "./tls-listener.fixture.ts";
import type { TlsListener, Way } from "./tls-listener.fixture.ts";

interface Asking extends TlsListener {
  /** The names that the listener has asked for. */
  readonly asked: string[];
  /** Gives the listener certificates for these names besides the first one. */
  give(...names: readonly string[]): Promise<void>;
}

/** @param onAsked called with each name that the listener asks for */
async function startAsking(
  t: TestContext,
  way: Way,
  onAsked: (name: string, listener: Asking) => void = () => {},
  handshakeMs: number = 5000,
): Promise<Asking> {
  const first = await served(["first.test"]);
  const onDemand = { onDemand: true, handshakeMs };
  const started = await startTls(t, way, settings([first], onDemand));
  const asking: Asking = {
    ...started,
    asked: [],
    give: async (...names) => {
      const further = await Promise.all(names.map((name) => served([name])));
      started.context.useTls(settings([first, ...further], onDemand));
    },
  };
  t.mock.method(started.context.thread, "wantCertificate", (_slot: number, name: string) => {
    asking.asked.push(name);
    onAsked(name, asking);
  });
  return asking;
}

for (const way of WAYS) {
  describe(`certificates on demand, ${way}`, { timeout: 20_000 }, () => {
    test("clients of one name wait for one certificate; it is asked for once", async (t) => {
      const { port, asked } = await startAsking(t, way, (name, listener) => void listener.give(name));
      const clients = await Promise.all([1, 2, 3].map(() => connect(t, port, { servername: "new.test" })));
      assert.deepEqual(clients.map(shownNames), Array(3).fill("DNS:new.test"));
      assert.deepEqual(asked, ["new.test"]);
      assert.equal(shownNames(await connect(t, port, { servername: "first.test" })), "DNS:first.test");
    });

    test("a certificate for another name lets them wait on, and their name is asked for again", async (t) => {
      const { port, asked } = await startAsking(t, way, (name, listener) => {
        void listener.give(...(listener.asked.length === 1 ? ["other.test"] : [name]));
      });
      assert.equal(shownNames(await connect(t, port, { servername: "new.test" })), "DNS:new.test");
      assert.deepEqual(asked, ["new.test", "new.test"]);
    });

    test("a client that has connected before a certificate came is served with it", async (t) => {
      const listener = await startAsking(t, way);
      const socket = net.connect(listener.port, "127.0.0.1");
      while (listener.context.connections.size === 0) await new Promise(setImmediate);
      await listener.give("new.test");
      assert.equal(shownNames(await connect(t, listener.port, { socket, servername: "new.test" })), "DNS:new.test");
      assert.deepEqual(listener.asked, []);
    });

    test("a refusal is an alert", async (t) => {
      const { port, failures } = await startAsking(t, way, (name, { context }) => context.refuseCertificate(name));
      assert.equal(await refusal(t, port, { servername: "no.test" }), "ERR_SSL_TLSV1_UNRECOGNIZED_NAME");
      assert.deepEqual(failures(), { unknown_name: 1 });
    });

    test("a client for whose name nothing comes is closed at the time limit", async (t) => {
      const { port, failures, asked } = await startAsking(t, way, undefined, 200);
      assert.match(await refusal(t, port, { servername: "silence.test" }), /^(closed|ECONNRESET)$/);
      assert.deepEqual(asked, ["silence.test"]);
      assert.deepEqual(failures(), { timed_out: 1 });
    });
  });
}
