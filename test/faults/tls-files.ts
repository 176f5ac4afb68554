/** The certificate of listeners with TLS in the fault matrix, in files. */
import { after } from "node:test";
import { TestAuthority, temporaryFiles } from "../support/certificates.ts";

const authority = await TestAuthority.create();
const { chain, key } = await authority.issue(["a.test", "127.0.0.1"]);
const files = temporaryFiles({ after }, { "site.pem": chain, "site.key": key });

export const TLS_FILES: { readonly ca: string; readonly certificate: string; readonly key: string } = {
  ca: authority.certificate,
  certificate: files["site.pem"],
  key: files["site.key"],
};
