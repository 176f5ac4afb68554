/** http-proxy-3 on its native path, with an agent that keeps its connections. */
import http from "node:http";
import { createProxyServer } from "http-proxy-3";
import { readPorts } from "./ports.ts";

const { port, origin } = readPorts();
const agent = new http.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 });
const proxy = createProxyServer({ target: origin, agent, xfwd: true });
proxy.on("error", (_error, _request, response) => {
  if (response instanceof http.ServerResponse) response.statusCode = 502;
  response.end();
});
http.createServer({ keepAliveTimeout: 75_000 }, (request, response) => proxy.web(request, response)).listen(port, "127.0.0.1");
