/** An origin that breaks off some handshakes. */
import type { Socket } from "node:net";
import type { Tally } from "./origin-tally.ts";
import { Random } from "./random.ts";

const SHUNNED_SHARE = 0.3;
/** So many of those that are shunned hear nothing at all, and wait for the proxy's limit. */
const SILENT_SHARE = 0.03;

/** A fatal alert in the clear: handshake_failure. */
const ALERT = Buffer.from([0x15, 3, 3, 0, 2, 2, 40]);
const NO_TLS = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/** Whether that connection gets no handshake; then it is dealt with. */
export function shuns(tcp: Socket, tally: Tally): boolean {
  const random = new Random(tcp.remotePort ?? 0);
  if (!random.chance(SHUNNED_SHARE)) return false;
  tally.opened();
  tcp.on("close", () => tally.closed());
  // A reset is among the expected ends.
  tcp.on("error", () => {});
  tcp.on("end", () => tcp.end());
  tcp.resume();
  if (random.chance(SILENT_SHARE)) return true;
  const way = random.pick(["alert", "no TLS", "fin", "fin after the hello", "rst after the hello"]);
  if (way === "fin") tcp.end();
  else tcp.once("data", () => shun(tcp, way));
  return true;
}

function shun(tcp: Socket, way: string): void {
  if (way === "alert") tcp.end(ALERT);
  else if (way === "no TLS") tcp.end(NO_TLS);
  else if (way === "rst after the hello") tcp.resetAndDestroy();
  else tcp.end();
}
