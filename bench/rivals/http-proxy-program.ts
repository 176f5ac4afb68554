/** The program of the http-proxy rival: `http-proxy-program.ts PORT ORIGIN_PORT`. */
import http from "node:http";
import httpProxy from "http-proxy";

const [port, originPort] = process.argv.slice(2).map(Number);
if (port === undefined || originPort === undefined) throw new Error("usage: http-proxy-program.ts PORT ORIGIN_PORT");

const proxy = httpProxy.createProxyServer({
  target: `http://127.0.0.1:${originPort}`,
  agent: new http.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 }),
  xfwd: true,
});
proxy.on("error", (_error, _request, response) => {
  response.statusCode = 502;
  response.end();
});
http.createServer((request, response) => proxy.web(request, response)).listen(port, "127.0.0.1");
