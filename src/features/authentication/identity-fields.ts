/** Tells upstreams in fields who the client is. Clients cannot send these fields: they are taken out of every request (`Feature.reserves`). */
import { ReplacedNames } from "../../http/replaced-names.ts";
import type { RequestChanges } from "../../http/head-edits.ts";
import { identityList, identityText } from "../../policy/authentication/identity-values.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
import { memberTexts } from "../../policy/authentication/claims.ts";
import type { AuthenticationConfig } from "./schema.ts";

type FieldsConfig = NonNullable<AuthenticationConfig["identity_headers"]>;

export class IdentityFields {
  private readonly config: FieldsConfig;
  private readonly names: ReplacedNames;
  /** Most requests in a row come from few clients, and the identity of each is one object. */
  private readonly known: WeakMap<Identity, string> = new WeakMap();

  constructor(config: FieldsConfig) {
    this.config = config;
    const names = namesOf(config);
    this.names = new ReplacedNames(names, names);
  }

  write(identity: Identity, request: RequestChanges): void {
    let lines = this.known.get(identity);
    if (lines === undefined) {
      lines = this.linesOf(identity);
      this.known.set(identity, lines);
    }
    request.replaceByFresh(this.names, lines);
  }

  private linesOf({ user, roles, scopes, claims }: Identity): string {
    const { config } = this;
    const lines = [
      [config.user, identityText(user)],
      [config.roles, identityList(roles)],
      [config.scopes, identityList(scopes)],
      ...Object.entries(config.claims).map(([claim, name]) => [name, identityList(memberTexts(claims, claim))] as const),
    ] as const;
    // What is not known sends no line.
    return lines.map(([name, value]) => (name === undefined || value === "" ? "" : `${name}: ${value}\r\n`)).join("");
  }
}

/** The names of the fields in lower case. */
export function namesOf({ user, roles, scopes, claims }: FieldsConfig): readonly string[] {
  return [user, roles, scopes, ...Object.values(claims)].filter((name) => name !== undefined).map((name) => name.toLowerCase());
}
