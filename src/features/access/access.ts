/** Refuses clients by their address. */
import { compileCidrs } from "../../base/cidr.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { accessFacts } from "./facts.ts";
import type { AccessConfig } from "./schema.ts";

export const access: Feature<"access"> = {
  name: "access",
  key: "access",
  facts: accessFacts,
  compile: accessMiddleware,
};

export function accessMiddleware({ allow, deny }: AccessConfig, { lists }: Pick<FeatureContext, "lists">): Middleware {
  const allowed = allow === undefined ? null : blocksOf(allow, lists);
  const denied = blocksOf(deny, lists);
  /** The verdict on the last client is kept, because most requests in a row come from one client. */
  let lastClient = "";
  let lastChanges = -1;
  let lastAdmitted = false;
  return {
    name: "access",
    onRequest({ client }) {
      if (client !== lastClient || lists.changes !== lastChanges) {
        lastClient = client;
        lastChanges = lists.changes;
        // A client whose address is not known ("") cannot be shown to be outside of `deny`.
        lastAdmitted = client !== "" && !isIn(denied, client) && (allowed === null || isIn(allowed, client));
      }
      return lastAdmitted ? null : DENIED;
    },
  };
}

/** Something that holds addresses: the blocks of the configuration itself, or those of a file. */
interface Blocks {
  contains(address: string): boolean;
}

function blocksOf(entries: AccessConfig["deny"], lists: FeatureContext["lists"]): readonly Blocks[] {
  const own = entries.filter((entry) => typeof entry === "string");
  const files = entries.filter((entry) => typeof entry !== "string");
  return [...(own.length === 0 ? [] : [compileCidrs(own)]), ...files.map(({ file }) => lists.list(file))];
}

function isIn(blocks: readonly Blocks[], client: string): boolean {
  for (let index = 0; index < blocks.length; index++) if (blocks[index]?.contains(client) === true) return true;
  return false;
}

const DENIED: LocalAnswer = {
  status: 403,
  reason: "access_denied",
  detail: "This address is not admitted.",
  fields: [],
  proxyStatus: "http_request_denied",
};
