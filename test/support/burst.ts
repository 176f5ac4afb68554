/** Sends many requests at once, each over one of a few connections, and counts the answers. */
import http from "node:http";
import { once } from "node:events";

export interface BurstResult {
  /** How many answers had that status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** From the first request to the last answer. */
  readonly tookMs: number;
  /** The longest time of one answer. */
  readonly slowestMs: number;
}

/**
 * @param ports of the proxies, which take turns
 * @param connections to each of them
 */
export async function burst(ports: readonly number[], count: number, connections: number): Promise<BurstResult> {
  const agents = ports.map(() => new http.Agent({ keepAlive: true, maxSockets: connections }));
  const statuses: Record<number, number> = {};
  let slowestMs = 0;
  let next = 0;
  const began = performance.now();
  const one = async (at: number): Promise<void> => {
    while (next < count) {
      next++;
      const asked = performance.now();
      const request = http.get({ host: "127.0.0.1", port: ports[at] ?? 0, agent: agents[at] });
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      response.resume();
      await once(response, "end");
      statuses[response.statusCode ?? 0] = (statuses[response.statusCode ?? 0] ?? 0) + 1;
      slowestMs = Math.max(slowestMs, performance.now() - asked);
    }
  };
  await Promise.all(ports.flatMap((_, at) => Array.from({ length: connections }, () => one(at))));
  for (const agent of agents) agent.destroy();
  return { statuses, tookMs: performance.now() - began, slowestMs };
}
