/** Operations: finding the client of a request that a trusted proxy has passed on, as client-facts.ts does. */
import { compileCidrs } from "../../src/base/cidr.ts";
import { clientAddress } from "../../src/http/client-address.ts";
import { parseForwarded } from "../../src/http/forwarded.ts";
import { Known } from "../../src/http/known-fields.ts";
import { browserRequest, nth, requestHead, variants } from "./messages.ts";
import type { Operation, Run } from "./operation.ts";

const PEER = "10.0.0.5";
const TRUSTED = ["10.0.0.0/8", "192.168.0.0/16", "fd00::/8"];

export const address: readonly Operation[] = [
  { name: "address/x-forwarded-for", about: "the client of X-Forwarded-For with three hops", prepare: fromXForwardedFor },
  { name: "address/forwarded", about: "the client of Forwarded with two elements", prepare: fromForwarded },
];

function fromXForwardedFor(): Run {
  const trusted = compileCidrs(TRUSTED);
  const heads = variants((n) => requestHead(browserRequest(n, [`X-Forwarded-For: 203.0.113.9, 198.51.100.${n & 255}, 10.1.2.${n & 255}`])));
  return (count) => {
    let sum = 0;
    for (let n = 0; n < count; n++) {
      const client = clientAddress(PEER, nth(heads, n).knownValues(Known.xForwardedFor), trusted);
      sum += client.length + client.charCodeAt(client.length - 1);
    }
    return sum;
  };
}

function fromForwarded(): Run {
  const trusted = compileCidrs(TRUSTED);
  const heads = variants((n) =>
    requestHead(browserRequest(n, [`Forwarded: for=198.51.100.${n & 255};host=shop.example.com;proto=https, for=10.1.2.${n & 255}`])),
  );
  return (count) => {
    let sum = 0;
    for (let n = 0; n < count; n++) {
      const elements = parseForwarded(nth(heads, n).knownValues(Known.forwarded)) ?? [];
      const nodes = elements.map((element) => element.for ?? "unknown");
      const client = clientAddress(PEER, nodes, trusted);
      sum += client.length + client.charCodeAt(client.length - 1);
    }
    return sum;
  };
}
