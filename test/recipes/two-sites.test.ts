import { recipe, says } from "../support/recipe.ts";

recipe("two-sites", { upstreams: { shop: says("the shop"), blog: says("the blog") } });
