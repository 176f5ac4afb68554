/** Tells by a file's text whether it is an ES module, where its name and its package say CommonJS. */

/** An import or export declaration at the beginning of a line. `import(...)` and `import a = require(...)` are no such declarations. */
const DECLARATION =
  /^[ \t]*(?:import[ \t]*(?:["'{*]|(?:type[ \t]+)?[\w$]+[ \t]*(?:,|from\b)|type[ \t]*\{)|export[ \t]*(?:[{*]|(?:default|const|let|var|function|async|class|type|interface|enum|abstract|declare|namespace)\b))/m;
const COMMON_JS = /\bmodule\.exports\b|^[ \t]*exports\.[\w$]+[ \t]*=/m;

/** A module has a declaration of one, and nothing that only CommonJS has. */
export function isModuleText(text: string): boolean {
  const code = text.replace(/\/\*[^]*?(?:\*\/|$)/g, "");
  return DECLARATION.test(code) && !COMMON_JS.test(code.replace(/\/\/.*$/gm, ""));
}
