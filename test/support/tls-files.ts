/** A certificate for listeners with TLS, in files: for tests that ask no more of it than that it is valid. */
import { after } from "node:test";
import { TestAuthority, temporaryFiles } from "./certificates.ts";

const authority = await TestAuthority.create();
const { chain, key } = await authority.issue(["a.test", "127.0.0.1"]);
const files = temporaryFiles({ after }, { "site.pem": chain, "site.key": key });

export const TLS_FILES: { readonly ca: string; readonly certificate: string; readonly key: string } = {
  ca: authority.certificate,
  certificate: files["site.pem"],
  key: files["site.key"],
};
