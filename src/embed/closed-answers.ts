/** What a request gets that a program hands over while the proxy takes none: it is closed, or its thread is just being replaced. */
import type { FetchHandler, NodeHandler, UpgradeHandler } from "./proxy-types.ts";

const TEXT = "503 Service Unavailable\n";
const FIELDS: Readonly<Record<string, string>> = {
  "Content-Type": "text/plain; charset=utf-8",
  "Content-Length": String(TEXT.length),
  "Retry-After": "1",
  "Proxy-Status": "millrace; error=destination_unavailable",
};

export const refuseNodeRequest: NodeHandler = (_request, response) => {
  response.statusCode = 503;
  for (const [name, value] of Object.entries(FIELDS)) response.setHeader(name, value);
  response.end(TEXT);
};

export const refuseUpgrade: UpgradeHandler = (_request, socket) => {
  const lines = Object.entries({ ...FIELDS, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  // Without a listener, an error of the client's connection would be one of the program.
  socket.on("error", () => {});
  socket.end(`HTTP/1.1 503 Service Unavailable\r\n${lines.join("")}\r\n${TEXT}`);
};

export const refuseFetch: FetchHandler = () => Promise.resolve(new Response(TEXT, { status: 503, headers: FIELDS }));
