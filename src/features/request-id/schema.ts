/** The key `request_id` of a route, an upstream and the whole configuration: its schema and texts. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { editedField } from "../../values/field-edits.ts";
import { requestIdFacts } from "./facts.ts";

const SETTINGS = {
  header: editedField("request", "write").pipe(editedField("response", "write")).default("X-Request-Id").meta({
    description: "The field that carries the id, to the upstream and in the response.",
  }),
  trust: z.enum(["trusted_proxies", "none", "any"], { error: "expected none, trusted_proxies or any" }).default("trusted_proxies").meta({
    title: "`none`, `trusted_proxies` or `any`",
    description:
      "Whose id is believed. `trusted_proxies`: that of a proxy of this list. `any`: everybody's, so clients can give many requests the same id. An id is believed if it is 1 to 128 letters, digits or characters of `._~:/+=@-` and stands in one line; else, and from everybody else, it is replaced.",
  }),
  response: z.boolean().default(true).meta({
    description:
      "Whether responses carry the id too, in the place of what the origin sends. The proxy's own answers carry it in any case, and their problem documents have it as `request_id`.",
  }),
};

const settings = z.strictObject(SETTINGS);

/** `true` stands for the defaults, `false` for no id. */
export const requestIdSchema = z.union([z.boolean(), settings]).transform((given) => (given === true ? settings.parse({}) : given));

export type RequestIdConfig = z.output<typeof requestIdSchema>;

export const requestIdDeclaration = {
  facts: requestIdFacts,
  schema: requestIdSchema,
  everywhere: true,
  description:
    "Gives each request an id, a UUID of version 7, or believes the one that it brings. The id goes to the upstream, into the response, the access log and the proxy's own answers, and is `{request_id}` in values; it stays the same in further attempts. `true` stands for the defaults, `false` takes back what a wider place says. Absent: `{request_id}` has a value all the same, and no field carries it.",
  calledElsewhere: {
    "": "requestid correlation_id generate_request_id unique_id unique_id_header correlationid request_id_header",
    header: "name header_name field",
  },
} as const satisfies FeatureDeclaration;
