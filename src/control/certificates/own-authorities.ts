/** The local authorities of this machine's users, as a source of certificates. */
import os from "node:os";
import { defaultStorage } from "../../authority/storage.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { afterMs } from "../after-ms.ts";
import { InternalCertificates } from "./internal-certificates.ts";

/** @param changed called when the certificates of a listener have changed */
export function internalCertificates(log: AppLog, changed: () => void): InternalCertificates {
  return new InternalCertificates({
    log,
    // Loaded late, as x509/library.ts says.
    open: async (folder) => (await import("../../authority/local-authority.ts")).LocalAuthority.open(folder, Date.now()),
    ownFolder: defaultStorage,
    addresses: () =>
      Object.values(os.networkInterfaces())
        .flatMap((addresses) => addresses ?? [])
        .map(({ address }) => address),
    changed,
    now: Date.now,
    after: afterMs,
  });
}
