/** What a declaration shows to whoever imports it: its signature, its JSDoc, its members, and the names that its types refer to. */
import type { Class } from "oxc-parser";
import { jsDocOf } from "./js-doc.ts";
import type { JsDoc } from "./js-doc.ts";
import { classMember, isPublic, typeMember } from "./member.ts";
import type { Member } from "./member.ts";
import type { Module, Place } from "./module.ts";
import { referencesOf } from "./references.ts";
import { callText, textOf } from "./source.ts";

export interface Declaration {
  /** Where it begins in the text of its module. */
  readonly start: number;
  readonly kind: "function" | "constant" | "class" | "interface" | "type";
  readonly signature: string;
  readonly doc: JsDoc;
  /** The public ones, in the order of the source. */
  readonly members: readonly Member[];
  /** Names of the module that the signatures refer to, each once. Type parameters are not among them. */
  readonly references: readonly string[];
}

/** Reads the declaration of that name. Throws an Error if it is of a kind that the API page does not know. */
export function declarationOf(module: Module, name: string): Declaration {
  const place = module.declared.get(name);
  if (place === undefined) throw new Error(`${module.file} declares no ${name}`);
  if (place.isRepeated) throw new Error(`${module.file} declares ${name} more than once, which scripts/api does not read`);
  const { syntax } = place;
  const { text } = module;
  const common = { start: place.start, doc: docAt(module, place) };
  switch (syntax.type) {
    case "FunctionDeclaration":
    case "TSDeclareFunction":
      return {
        ...common,
        kind: "function",
        signature: `function ${name}${callText(text, syntax)}`,
        members: [],
        references: referencesOf([syntax.typeParameters, syntax.params, syntax.returnType]),
      };
    case "ClassDeclaration":
      return classOf(module, name, syntax, place);
    case "TSInterfaceDeclaration": {
      const { typeParameters, extends: parents, body } = syntax;
      const heritage = parents.length === 0 ? "" : ` extends ${parents.map((parent) => textOf(text, parent)).join(", ")}`;
      const members = body.body.filter((member) => isPublic(module, member));
      return {
        ...common,
        kind: "interface",
        signature: `interface ${name}${textOf(text, typeParameters)}${heritage}`,
        members: members.map((member) => typeMember(module, member)),
        references: referencesOf([typeParameters, parents, members]),
      };
    }
    case "TSTypeAliasDeclaration": {
      const { typeAnnotation, typeParameters } = syntax;
      return {
        ...common,
        kind: "type",
        signature: `type ${text.slice(syntax.id.start, typeAnnotation.end)}`,
        members: [],
        references: referencesOf([typeParameters, typeAnnotation]),
      };
    }
    case "VariableDeclaration": {
      const id = syntax.declarations.map((each) => each.id).find((each) => each.type === "Identifier" && each.name === name);
      const annotation = id !== undefined && "typeAnnotation" in id ? (id.typeAnnotation ?? null) : null;
      if (annotation === null) throw new Error(`${module.file}: the constant ${name} needs a written type`);
      const type = annotation.typeAnnotation;
      const members = type.type === "TSTypeLiteral" ? type.members.filter((member) => isPublic(module, member)) : [];
      return {
        ...common,
        kind: "constant",
        signature: `const ${name}${type.type === "TSTypeLiteral" ? "" : textOf(text, annotation)}`,
        members: members.map((member) => typeMember(module, member)),
        references: referencesOf(type.type === "TSTypeLiteral" ? members : [type]),
      };
    }
    default:
      throw new Error(`${module.file}: ${name} is of a kind that scripts/api does not read: ${syntax.type}`);
  }
}

function classOf(
  module: Module,
  name: string,
  { typeParameters, superClass, superTypeArguments, implements: interfaces, body }: Class,
  place: Place,
): Declaration {
  const { text } = module;
  const parents = superClass === null ? "" : ` extends ${textOf(text, superClass)}${textOf(text, superTypeArguments)}`;
  const kept = interfaces ?? [];
  const promises = kept.length === 0 ? "" : ` implements ${kept.map((each) => textOf(text, each)).join(", ")}`;
  const members = body.body.filter((member) => isPublic(module, member));
  return {
    start: place.start,
    kind: "class",
    signature: `class ${name}${textOf(text, typeParameters)}${parents}${promises}`,
    doc: docAt(module, place),
    members: members.flatMap((member) => classMember(module, member)),
    references: [
      ...(superClass?.type === "Identifier" ? [superClass.name] : []),
      ...referencesOf([typeParameters, superTypeArguments, kept, members]),
    ],
  };
}

/** The JSDoc of a declaration stands in front of its `export`. */
function docAt(module: Module, { start }: Place): JsDoc {
  return jsDocOf(module.commentAt(start));
}
