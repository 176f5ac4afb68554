/** The key `upgrade` of a route: the protocols to which clients may switch their connections. */
import { z } from "zod";
import { isProtocol } from "../../http/upgrade.ts";

const WHY_HTTP =
  "it would lead HTTP past the proxy: what passes over a switched connection is not seen, so no route, limit or check would hold for the requests in it";

const protocol = z
  .string({ error: "expected a protocol such as websocket, tcp or spdy/3.1" })
  .refine(isProtocol, { error: "expected a protocol such as websocket, tcp or spdy/3.1", abort: true })
  .refine((name) => !/^(?:wss?|websockets)$/i.test(name), { error: "expected websocket, which is the name of this protocol", abort: true })
  .refine((name) => !/^(?:h2c?|h3|https?|tls)(?:\/|$)/i.test(name), {
    error: ({ input }) => `${String(input)} is not taken up: ${WHY_HTTP}`,
  })
  .transform((name) => name.toLowerCase())
  .meta({ title: "protocol" });

export const upgradeKey = {
  upgrade: z.array(protocol).optional().meta({
    description:
      "The protocols to which clients may switch their connections with `Upgrade`, by the names that they have there, without case: `websocket`, `tcp` (Docker's attach and exec), `spdy/3.1`. The bytes that follow the switch pass both ways unseen. A request for another protocol is sent without `Upgrade`, and served by HTTP/1.1. `[]`: no protocol. `h2c`, and whatever else carries HTTP, is refused here, because requests in it would get around every check. Default: `[websocket]`, and `[]` where the route has `token_limit`, which counts nothing of what passes after a switch.",
  }),
};
