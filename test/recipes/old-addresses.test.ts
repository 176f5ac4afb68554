import { recipe, says } from "../support/recipe.ts";

recipe("old-addresses", { upstreams: { app: says("the application") } });
