/** Who somebody is, by claims that an issuer has signed. */
import { memberTexts, membersOf } from "../../policy/authentication/claims.ts";
import type { Identity } from "../../proxy/ports/identity.ts";

/** The claims that say it, by name. */
export interface ClaimPlaces {
  readonly user: string;
  readonly roles: string;
  readonly scopes: string;
}

export function identityOf(method: string, claims: Readonly<Record<string, unknown>>, places: ClaimPlaces): Identity {
  const [user = ""] = memberTexts(claims, places.user);
  return {
    method,
    user,
    roles: membersOf(claims, places.roles),
    scopes: membersOf(claims, places.scopes).filter((scope) => !scope.includes(" ")),
    claims,
  };
}
