/** Addresses and targets from the command line, and how they are written into a configuration. Problems do not quote them: one may hold a password. */
import { endpointUrl, listenAddress } from "../values/texts.ts";

/** The value as a configuration has it, or what is wrong with it. */
export type Given = { readonly value: string; readonly problem?: undefined } | { readonly value?: undefined; readonly problem: string };

/** The address to listen on. A port alone is taken as `:port`. */
export function givenListen(text: string): Given {
  return checked(listenAddress, /^\d+$/.test(text) ? `:${text}` : text);
}

/** A target, in the form of an endpoint: scheme, host and port. */
export function givenTarget(text: string): Given {
  return checked(endpointUrl, text);
}

/** The value by a schema of a text. */
export function checked(schema: typeof endpointUrl, text: string): Given {
  const { data, error } = schema.safeParse(text);
  return data === undefined ? { problem: error?.issues[0]?.message ?? "expected another text" } : { value: data };
}

/** A text in YAML that stands for itself: in quotes, and with nothing that the environment would replace. */
export function quoted(text: string): string {
  return JSON.stringify(text.replaceAll("${", () => "$${"));
}
