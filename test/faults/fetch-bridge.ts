/** Hands requests of Node's http to `proxy.fetch`, as the servers of frameworks of the web's standard do. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { MillraceProxy } from "../../src/millrace.ts";

export async function bridge(proxy: MillraceProxy, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { socket } = incoming;
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  try {
    const response = await proxy.fetch(requestOf(incoming, gone.signal), { client: socket.remoteAddress ?? "" });
    outgoing.writeHead(response.status, response.statusText, [...response.headers].flat());
    outgoing.flushHeaders();
    for await (const bytes of response.body ?? []) {
      if (!outgoing.write(bytes)) await once(outgoing, "drain", { signal: gone.signal });
    }
    outgoing.end();
    await once(outgoing, "finish", { signal: gone.signal });
    // Nobody reads the rest of the request.
    if (!incoming.complete) socket.destroySoon();
  } catch {
    // The client is gone, or must see that the response is not complete. What Node has collected in this turn leaves before that.
    await new Promise(setImmediate);
    // The end of the connection is also the end of a body that has no other.
    if (incoming.httpVersion === "1.0") socket.resetAndDestroy();
    else outgoing.destroy();
  }
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", url = "/", rawHeaders } = incoming;
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  const target = `http://${incoming.headers.host ?? "a.test"}${url}`;
  if (method === "GET" || method === "HEAD") return new Request(target, { method, headers, signal });
  return new Request(target, { method, headers, signal, body: Readable.toWeb(incoming), duplex: "half" });
}
