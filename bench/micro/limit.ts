/** Operations: the rate limit's hook, as an Exchange calls it for each request. Every request is let pass. */
import { rateLimitMiddleware } from "../../src/features/rate-limit/rate-limit.ts";
import { LoneView } from "../../src/proxy/feature/lone-view.ts";
import { rateLimitSchema } from "../../src/features/rate-limit/schema.ts";
import { NO_STORES } from "../../src/proxy/feature/shared-store.ts";
import { AddressLists } from "../../src/shared/address-lists.ts";
import { BucketTable } from "../../src/shared/bucket-table.ts";
import { browserRequest, requestHead } from "./messages.ts";
import type { Operation, Run } from "./operation.ts";

const MANY = 1_000_000;
/** Step from one key to the next. It has no common factor with the number of keys, so each turn meets all keys, in an order that no cache predicts. */
const STRIDE = 611_953;

export const limit: readonly Operation[] = [
  { name: "limit/1", about: "one client", prepare: () => limits(["203.0.113.7"]) },
  {
    name: "limit/1000000",
    about: "1,000,000 clients",
    prepare: () => limits(Array.from({ length: MANY }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`)),
  },
  {
    name: "limit/ipv6",
    about: "one client with an IPv6 address",
    prepare: () => limits(["2001:db8:85a3:8d3:1319:8a2e:370:7348"]),
  },
];

function limits(clients: readonly string[]): Run {
  let now = 1_790_000_000_000;
  const table = new BucketTable(BucketTable.create(0x1234_5678, 0x0fed_cba9));
  const config = rateLimitSchema.parse({ requests_per_second: 1_000_000, burst: 1000 });
  const thread = { workerIndex: 0, buckets: table, now: () => now, lists: new AddressLists(), stores: NO_STORES };
  const middleware = rateLimitMiddleware(config, false, thread, "catalogue\nshop\n{}");
  const exchange = new LoneView(requestHead(browserRequest(0)), "", now);
  let at = 0;
  return (count) => {
    let passed = 0;
    for (let n = 0; n < count; n++) {
      now += 0.03125;
      at = (at + STRIDE) % clients.length;
      exchange.client = clients[at] ?? "";
      if (middleware.onRequest?.(exchange) === null) passed++;
    }
    if (passed !== count) throw new Error("a request was refused");
    return passed;
  };
}
