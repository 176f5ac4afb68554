/** http-proxy with an agent that keeps its connections, without which it opens one per request. */
import http from "node:http";
import httpProxy from "http-proxy";
import { readPorts } from "./ports.ts";

const { port, origin } = readPorts();
const agent = new http.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 });
const proxy = httpProxy.createProxyServer({ target: origin, agent, xfwd: true });
proxy.on("error", (_error, _request, response) => {
  response.statusCode = 502;
  response.end();
});
http.createServer({ keepAliveTimeout: 75_000 }, (request, response) => proxy.web(request, response)).listen(port, "127.0.0.1");
