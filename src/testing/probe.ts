/** Health checks in memory: makes the `Probe` for a test's proxy, over the network's connections and under its clock. */
import type { MemoryNetwork } from "../net/transport/memory/memory-network.ts";
import { endpointAddress } from "../config/addresses/endpoint-address.ts";
import { ProbeAnswer, probeRequest } from "../control/health/probe-answer.ts";
import type { ProbeResult } from "../control/health/probe-answer.ts";
import type { Probe } from "../control/health/probe.ts";
import { writeProxyHeader } from "../proxy-protocol/write-header.ts";
import { addressOf } from "./origins.ts";
import { TestConnection } from "./connection.ts";

export function probeOver(network: MemoryNetwork): Probe {
  return ({ url, proxyProtocol, path, host, expectedStatuses, timeoutMs }, signal) =>
    new Promise((resolve) => {
      const connection = new TestConnection(network.clock);
      const answer = new ProbeAnswer(expectedStatuses);
      const end = (result: ProbeResult): void => {
        cancelLimit();
        connection.close();
        resolve(result);
      };
      const cancelLimit = network.clock.after(timeoutMs, () => end(`no answer within ${timeoutMs} ms`));
      signal.addEventListener("abort", () => end("cancelled"), { once: true });
      connection.onData = (bytes) => {
        const result = answer.take(bytes);
        if (result !== undefined) end(result);
      };
      connection.onEnded = () => end(connection.error === "ECONNREFUSED" ? "connection refused" : answer.end());
      const transport = network.connect(addressOf(url), connection, connection, () => {
        if (path === undefined) return end(null);
        connection.connected();
        if (proxyProtocol !== undefined) connection.send(writeProxyHeader(proxyProtocol, null));
        connection.send(probeRequest(path, host ?? endpointAddress(url).authority));
      });
      connection.attach(transport, false);
    });
}
