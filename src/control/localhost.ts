/**
 * `localhost` stands for the loopback addresses of both families (RFC 6761, section 6.3), and who asks for it may come by either: a
 * server on one of them answers some programs and refuses others.
 */
import type { Server } from "node:net";
import { codeOf } from "../base/errors.ts";

/** Further tries for a free port that is free on both addresses. */
const TRIES = 10;
const NO_SUCH_FAMILY: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"]);

/**
 * Servers on one port of both addresses, or of the one that the machine has.
 * @param open rejects with the system's error
 * @param port 0 takes one that is free on both
 */
export async function onLocalhost<S extends Server>(port: number, open: (host: string, port: number) => Promise<S>): Promise<readonly S[]> {
  for (let tries = 1; ; tries++) {
    const first = await open("127.0.0.1", port).catch((error: unknown) => {
      if (NO_SUCH_FAMILY.has(codeOf(error))) return null;
      throw error;
    });
    if (first === null) return [await open("::1", port)];
    try {
      return [first, await open("::1", portOf(first))];
    } catch (error) {
      const code = codeOf(error);
      if (NO_SUCH_FAMILY.has(code)) return [first];
      await new Promise<void>((resolve) => first.close(() => resolve()));
      if (code !== "EADDRINUSE") throw error;
      if (port !== 0 || tries === TRIES)
        throw new Error("[::1] is in use (EADDRINUSE), and localhost stands for both families", { cause: error });
    }
  }
}

function portOf(server: Server): number {
  const bound = server.address();
  return bound === null || typeof bound === "string" ? 0 : bound.port;
}
