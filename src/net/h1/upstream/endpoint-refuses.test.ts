/** The endpoint table's mark for endpoints that refuse connections: when it is set, and when it is cleared. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { OK, get, origin, stage } from "../../stage.fixture.ts";
import type { Stage } from "../../stage.fixture.ts";

async function status({ client, thread }: Stage): Promise<string | undefined> {
  client.send(get("/"));
  while (client.statuses.length === 0) {
    await turn();
    thread.writes.flush();
  }
  return client.statuses[0];
}

test("an endpoint that refuses a connection is marked until a connection succeeds", { timeout: 20_000 }, async (t) => {
  const server = net.createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  const refused = stage(t, `http://127.0.0.1:${port}`);
  assert.equal(refused.thread.endpoints.refusing(0), false);
  assert.equal(await status(refused), "502");
  assert.equal(refused.thread.endpoints.refusing(0), true);

  const served = stage(t, await origin(t, (_, socket) => socket.write(OK)));
  served.thread.endpoints.setRefusing(0, true);
  assert.equal(await status(served), "200");
  assert.equal(served.thread.endpoints.refusing(0), false);
});
