/** TLS of the listeners in a configuration that may have mistakes elsewhere, for the checks of the files that it names. */
import { at, listOf } from "../values/finding.ts";
import type { KeyPath } from "../values/finding.ts";
import { listenerTlsSchema } from "./schema/tls/listener-tls-schema.ts";
import type { ListenerTlsConfig } from "./schema/tls/listener-tls-schema.ts";

/** TLS of a listener, with its place. */
export interface PlacedTls {
  readonly path: KeyPath;
  readonly tls: ListenerTlsConfig;
}

/**
 * Those that have no mistakes themselves.
 * @param file the file's content as plain data, with `${NAME}` replaced
 */
export function listenerTlsIn(file: unknown): readonly PlacedTls[] {
  return listOf(at(file, "listeners")).flatMap((listener, index) => {
    const parsed = listenerTlsSchema.safeParse(at(listener, "tls"));
    return parsed.success ? [{ path: ["listeners", index, "tls"], tls: parsed.data }] : [];
  });
}
