/** The origin's end of a tunnel. */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { Content, PIECE_BYTES_MAX } from "./content.ts";
import type { Tally } from "./origin-tally.ts";
import { end } from "./door.ts";
import { endBy, written } from "./socket-turns.ts";
import { acceptOf } from "./tunnel-plan.ts";
import type { TunnelPlan } from "./tunnel-plan.ts";

/** @param rest bytes that came with the request */
export function serveTunnel(socket: Socket, tally: Tally, plan: TunnelPlan, key: string, rest: Buffer): void {
  if (plan.mode === "refused") {
    socket.end("HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    socket.resume();
    return;
  }
  tally.tunnels++;
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
  );
  if (plan.mode === "origin-fin") void speak(socket, plan);
  const expected = new Content(plan.seed, "request", plan.clientBytes);
  let received = 0;
  const take = (bytes: Buffer): void => {
    if (!expected.holds(received, bytes)) tally.violation(`foreign bytes from the client in tunnel ${plan.seed} (${plan.mode})`);
    received += bytes.length;
    if (plan.mode === "origin-rst" && received >= plan.cutAt) endBy(socket, "rst");
    else if (plan.mode !== "origin-fin") echo(socket, bytes);
  };
  socket.on("data", take);
  socket.on("end", () => {
    const whole = plan.mode === "client-fin" || plan.mode === "origin-fin";
    if (whole && received !== plan.clientBytes)
      tally.violation(`tunnel ${plan.seed} (${plan.mode}) ended at the origin with ${received} of ${plan.clientBytes} bytes`);
    if (!socket.destroyed) end(socket);
  });
  if (plan.mode === "origin-rst" && plan.cutAt === 0) endBy(socket, "rst");
  else if (rest.length > 0) take(rest);
}

function echo(socket: Socket, bytes: Buffer): void {
  if (socket.destroyed || socket.write(bytes)) return;
  socket.pause();
  socket.once("drain", () => socket.resume());
}

/** The last bytes go out with the FIN. */
async function speak(socket: Socket, plan: TunnelPlan): Promise<void> {
  const content = new Content(plan.seed, "response", plan.originBytes);
  for (let at = 0; at < plan.originBytes; at += PIECE_BYTES_MAX) await written(socket, content.piece(at, at + PIECE_BYTES_MAX));
  if (!socket.destroyed) end(socket);
}
