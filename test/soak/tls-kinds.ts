/** Exchanges with origins that speak TLS, and in which TLS is what goes wrong. */
import type { Kinds } from "./kinds.ts";
import { bodyBytes, someBytes, upload } from "./ordinary-kinds.ts";

export const TLS_KINDS: Kinds = {
  "tls-get": {
    weight: 40,
    plan: (random) => ({
      route: "secure",
      answer: { bytes: bodyBytes(random), framing: random.pick(["length", "chunked", "close"]) },
    }),
  },
  "tls-post": {
    weight: 30,
    plan: (random) => ({ method: "POST", route: "secure", upload: upload(random), answer: { bytes: bodyBytes(random) } }),
  },
  "tls-break": {
    weight: 20,
    plan: (random) => {
      const bytes = someBytes(random);
      return {
        route: "secure",
        deed: {
          do: "break",
          how: random.pick(["no close_notify", "half a record", "forged record", "alert"]),
          at: random.below(bytes),
        },
        answer: { bytes, framing: random.pick(["length", "chunked", "close"]) },
        // What was written just before may be lost, the head too.
        outcomes: ["cut", "own 502"],
      };
    },
  },
  shy: {
    weight: 10,
    // Origins of both versions may turn the same request away, or say nothing.
    plan: (random) => ({ route: "shy", answer: { bytes: bodyBytes(random) }, outcomes: ["200", "own 502", "own 504"] }),
  },
};
