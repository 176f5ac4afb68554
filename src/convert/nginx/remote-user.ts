/** `$remote_user`: the name with which a client has logged in. */
import { whyRefused } from "../../policy/headers/refused-names.ts";
import { isFieldName } from "../model/names.ts";
import type { Directive } from "./parse.ts";
import type { Scope } from "./scope.ts";

/** The field in which the origin is told the name, for `identity_headers.user`; null: in none. */
export function identityField(scope: Scope): string | null {
  return directiveOf(scope)?.args[0] ?? null;
}

/** Whether that directive is what `identity_headers` does, so that it needs no edit of fields. */
export function isIdentity(directive: Directive, scope: Scope): boolean {
  return directive === directiveOf(scope);
}

/** Of a name that nobody has verified nothing is told. */
function directiveOf(scope: Scope): Directive | undefined {
  if ((scope.value("auth_basic") ?? "off") === "off" || scope.last("auth_basic_user_file") === undefined) return undefined;
  return scope
    .all("proxy_set_header")
    .find(
      ({ args: [name = "", value = ""] }) =>
        /^\$(?:remote_user|\{remote_user\})$/.test(value) && isFieldName(name) && whyRefused("request", "write", name) === null,
    );
}
