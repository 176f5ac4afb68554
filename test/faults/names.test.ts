/** The endpoint is a name, and the name does not lead where it should. */
import net from "node:net";
import { describe } from "node:test";
import { LINGERS, SERVED, failed, served } from "./row.ts";
import type { Expectation, Row } from "./row.ts";
import { embeddedTheme, theme, themes } from "./theme.ts";

const UNNAMED = failed(502, "dns_error", "dns_error", { upstream_connect_failures: 1, origin_failures: 1 }, "unreached");
const SECOND_TRY: Expectation = {
  answer: SERVED,
  log: { status: 200, outcome: "completed", attempts: 2 },
  client: "open",
  origin: "reused",
  counters: { upstream_connect_failures: 1, origin_failures: 1, retries: 1 },
};
/** This machine has no IPv6 on loopback. */
const noIpv6 = await new Promise<string | false>((resolve) => {
  const server = net.createServer().listen(0, "::1");
  server.on("listening", () => server.close(() => resolve(false)));
  server.on("error", () => resolve("no IPv6 on loopback"));
});

const rows: Row[] = [
  {
    name: "the resolver does not answer",
    endpoints: ["name never"],
    timeouts: "connect: 300ms",
    expect: {
      ...failed(504, "dns_timeout", "dns_timeout", { upstream_connect_failures: 1, upstream_timeouts: 1 }, "unreached"),
      limitMs: 300,
    },
  },
  {
    name: "the client resets while the resolver does not answer",
    endpoints: ["name never"],
    client: async ({ client, get, gauge }) => {
      await client.send(get());
      await gauge("upstream_connections_open", 1);
      client.reset();
    },
    expect: {
      answer: "unseen",
      log: { status: 499, outcome: /^client_(gone|reset)$/ },
      client: "left",
      origin: "unreached",
      counters: { client_aborts: 1 },
    },
  },
  { name: "a name that resolves to nothing", endpoints: ["no name"], expect: UNNAMED },
  {
    name: "a name that resolves to nothing, POST whose body still flows",
    endpoints: ["no name"],
    client: ({ client, head }) => client.send(`${head("POST", ["Content-Length: 1000000"])}${"x".repeat(1000)}`),
    expect: { ...UNNAMED, client: "closed" },
    throughHost: LINGERS,
  },
  { name: "a name that resolves to nothing, then a live endpoint", endpoints: ["no name", "origin"], expect: SECOND_TRY },
  { name: "the resolver fails for the moment", endpoints: ["name later"], expect: UNNAMED },
  { name: "an IPv6 address that refuses before an IPv4 one that lives", endpoints: ["dual"], expect: served(), skip: noIpv6 },
];

themes("names", rows, { same: 6, differ: 1, leftOut: 0, notByFetch: 0 });
const silent: Row[] = [
  {
    name: "an IPv6 address that is silent before an IPv4 one that lives",
    endpoints: ["dual"],
    expect: served(),
    skip: noIpv6,
  },
  {
    name: "an IPv6 address that is silent before an IPv4 one that lives, POST",
    endpoints: ["dual"],
    client: ({ client, head }) => client.send(`${head("POST", ["Content-Length: 3"])}abc`),
    origin: async (request) => {
      await request.whole();
      await request.connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${request.body()}`);
    },
    expect: served("abc"),
    skip: noIpv6,
  },
];
const options = { silentIpv6: noIpv6 === false };

describe("names, IPv6 is a black hole", { concurrency: true }, () => {
  theme("one worker", silent, options);
  embeddedTheme(silent, { same: 2, differ: 0, leftOut: 0, notByFetch: 0 }, options);
});
