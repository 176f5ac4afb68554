import { testPage } from "../support/migration-page.ts";
import { NGINX_TRIALS, NGINX_VALUES } from "./nginx-trials.ts";

testPage("nginx", NGINX_TRIALS, NGINX_VALUES);
