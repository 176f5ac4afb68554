import { testPage } from "../support/migration-page.ts";
import { HAPROXY_TRIALS, HAPROXY_VALUES } from "./haproxy-trials.ts";

testPage("haproxy", HAPROXY_TRIALS, HAPROXY_VALUES);
