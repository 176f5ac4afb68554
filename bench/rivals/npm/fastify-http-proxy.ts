/** `@fastify/http-proxy` on undici with as many connections as its manual shows; Fastify's own log is off, as it is by default. */
import httpProxy from "@fastify/http-proxy";
import fastify from "fastify";
import { readPorts } from "./ports.ts";

const { port, origin } = readPorts();
const server = fastify();
server.register(httpProxy, { upstream: origin, undici: { connections: 128, pipelining: 1 } });
await server.listen({ port, host: "127.0.0.1" });
