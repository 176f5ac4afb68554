import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { CounterId } from "../../../shared/metric-table.ts";
import { OK, get, stageOfBoth } from "../../stage.fixture.ts";
import { Fate } from "./upstream-state.ts";

test("each further request on a connection to an endpoint counts once, whether the connection was pooled or the client's own", async (t) => {
  const { client, thread, dialled } = stageOfBoth(t);
  const counted = t.mock.method(thread.metrics, "add").mock;
  const reused = (): number => counted.calls.filter(({ arguments: [id] }) => id === CounterId.upstream_connections_reused).length;
  const counts: number[] = [];
  const asks = async (request: string): Promise<void> => {
    client.send(request);
    if (counts.length === 0) dialled[0]?.connect();
    thread.writes.flush();
    dialled[0]?.endpoint.send(OK);
    await turn();
  };
  const login = get("/").replace("\r\n\r\n", "\r\nAuthorization: NTLM TlRMTVNTUAAB\r\n\r\n");
  for (const request of [get("/"), get("/"), login, get("/")]) {
    await asks(request);
    counts.push(reused());
  }
  assert.equal(dialled.length, 1);
  assert.equal(dialled[0]?.connection.fate, Fate.owned);
  assert.deepEqual(counts, [0, 1, 2, 3]);
});
