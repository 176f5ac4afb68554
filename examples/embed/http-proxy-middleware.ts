/** An Express app that was written for http-proxy-middleware: only the module that `createProxyMiddleware` is imported from has changed. */
import express from "express";
import { createProxyMiddleware } from "millrace/http-proxy-middleware";

const proxy = createProxyMiddleware<express.Request, express.Response>({
  target: process.env["ORIGIN"] ?? "http://127.0.0.1:8080",
  pathRewrite: { "^/v1": "" },
  xfwd: true,
  on: {
    proxyReq: (proxyReq, request) => proxyReq.setHeader("X-Asked-For", request.originalUrl),
    proxyRes: (proxyRes) => {
      proxyRes.headers["x-proxied"] = "1";
    },
  },
  logger: console,
});

const app = express();
// Better after the proxy, which then streams every body. Here it comes first, to show that the proxy writes anew what was parsed.
app.use(express.json());
app.use("/api", proxy);
app.get("/about", (_request, response) => void response.send("about, by Express\n"));

const server = app.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1", (error) => {
  if (error) throw error;
  console.log("listening on", server.address());
});

// An upgrade (WebSocket) does not pass Express: nobody else takes the path of the mount off.
server.on("upgrade", (request, socket, head) => {
  request.url = request.url?.replace(/^\/api/, "");
  proxy.upgrade(request, socket, head);
});

// The middleware ends its connections when the server is closed.
process.once("SIGTERM", () => server.close());
