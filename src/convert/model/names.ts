/** Names, hosts and addresses as a configuration may hold them. */
import { endpointUrl, fieldName, hostPattern, listenAddress, pathPrefix } from "../../values/texts.ts";

/** A text as the name of an upstream. */
export function checkedName(text: string): string {
  return (
    text
      .replaceAll(/[^A-Za-z0-9_.-]+/g, "-")
      .replaceAll(/^-+|-+$/g, "")
      .slice(0, 64) || "upstream"
  );
}

/** The URL of an endpoint; null: it is none. A part that the environment fills in stands for itself. */
export function checkedEndpoint(url: string): string | null {
  // `${NAME}` is filled in before the URL is checked.
  const sample = url.replaceAll(/\$\{[A-Z_][A-Z0-9_]*(?::-([^}]*))?\}/gi, (_, given?: string) => given ?? "1");
  return endpointUrl.safeParse(sample).success ? url.replace(/\/$/, "") : null;
}

export function isHost(text: string): boolean {
  return hostPattern.safeParse(text).success;
}

export function isListenAddress(text: string): boolean {
  return listenAddress.safeParse(text).success;
}

export function isPathPrefix(text: string): boolean {
  return pathPrefix.safeParse(text).success;
}

/** Whether the configuration can edit a field of that name. */
export function isFieldName(text: string): boolean {
  return fieldName.safeParse(text).success;
}

/** Whether the text, with variables of Millrace, can be the value of a field. */
export function isFieldText(text: string): boolean {
  return /^(?:[!-~\u0080-\u00ff](?:[\t -~\u0080-\u00ff]*[!-~\u0080-\u00ff])?)?$/.test(text);
}
