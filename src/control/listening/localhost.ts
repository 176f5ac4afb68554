/**
 * Listens on `localhost`, which means the loopback addresses of both families, 127.0.0.1 and ::1 (RFC 6761 section 6.3). A client may
 * use either, so a server on only one of them would refuse some programs.
 */
import type { Server } from "node:net";
import { codeOf } from "../../base/errors.ts";

/** Tries to find a port that is free on both addresses. */
const TRIES = 10;
const NO_SUCH_FAMILY: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"]);

/**
 * Opens a server on each of the two addresses, on the same port, or on one address where the machine lacks a family.
 * @param open opens one server; rejects with the system's error
 * @param port 0: any port that is free on both addresses
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
