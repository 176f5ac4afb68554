/** An application for a proxy to stand before, on Node's own HTTP server. What it does is the last part of the path. */
import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";

/** The longest time that any wait may take. */
const PATIENCE_MS = 30_000;

/** A request as the application got it; `/seen` answers with it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export class UpstreamApp {
  url: string = "";
  private readonly server: http.Server = http.createServer((request, response) => void this.answer(request, response));
  /** Connections that have left HTTP. */
  private readonly tunnels: Set<Duplex> = new Set();
  private readonly events: EventEmitter<{ held: [http.ServerResponse] }> = new EventEmitter();

  async start(): Promise<void> {
    this.server.on("upgrade", (request, socket) => this.switch(request, socket));
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Resolves with the next response to `/held` or `/silent`, which is the test's to write. The head of the first is written. */
  async nextHeld(): Promise<http.ServerResponse> {
    const [response] = (await once(this.events, "held", { signal: AbortSignal.timeout(PATIENCE_MS) })) as [http.ServerResponse];
    return response;
  }

  /** Accepts nothing more; what runs goes on. */
  die(): void {
    this.server.close();
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
    for (const socket of this.tunnels) socket.destroy();
  }

  private async answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const what = /[^/]*$/.exec(request.url?.replace(/\?.*/, "") ?? "")?.[0];
    if (what === "echo") return void request.pipe(response.writeHead(200, { "Content-Type": "application/octet-stream" }));
    if (what === "held") return void this.events.emit("held", response.writeHead(200, { "Content-Type": "text/event-stream" }));
    if (what === "silent") return void this.events.emit("held", response);
    const body = await buffer(request);
    if (what === "hash") return void response.end(createHash("sha256").update(body).digest("hex"));
    const seen: Seen = {
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      body: body.toString(),
    };
    response
      .writeHead(299, { "Content-Type": "application/json", Vary: "Accept-Encoding", "Set-Cookie": ["a=1", "b=2"] })
      .end(JSON.stringify(seen));
  }

  /** Agrees to a WebSocket, and sends back whatever comes. */
  private switch(request: http.IncomingMessage, socket: Duplex): void {
    this.tunnels.add(socket.on("error", () => {}));
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    const fields = ["Connection: Upgrade", "Upgrade: websocket", `Sec-WebSocket-Accept: ${accept.digest("base64")}`];
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields.join("\r\n")}\r\n\r\n`);
    socket.pipe(socket);
  }
}
