/** httpxy, with an agent like the others' in place of its own, which keeps connections, too. */
import http from "node:http";
import { createProxyServer } from "httpxy";
import { readPorts } from "./ports.ts";

const { port, origin } = readPorts();
const agent = new http.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 });
const proxy = createProxyServer({ target: origin, agent, xfwd: true });
const serve = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
  try {
    await proxy.web(request, response);
  } catch {
    response.statusCode = 502;
    response.end();
  }
};
http.createServer({ keepAliveTimeout: 75_000 }, (request, response) => void serve(request, response)).listen(port, "127.0.0.1");
