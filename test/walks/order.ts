import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { SOURCE } from "./coverage.ts";

/** Coverage counts functions, and knows no order: so each function of `src/` begins with a call that notes its file. */
const NOTE = "noteEntered";
const files = new Set<string>();
Object.defineProperty(globalThis, NOTE, { value: (file: string) => files.add(file) });

/** From now on, modules of `src/` are loaded with that call in each of their functions. */
export function noteOrder(): void {
  registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith(SOURCE)) return nextLoad(url, context);
      const { outputText } = ts.transpileModule(readFileSync(fileURLToPath(url), "utf8"), {
        fileName: url,
        compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
        transformers: { before: [notingTransformer(url.slice(SOURCE.length))] },
      });
      return { format: "module", source: outputText, shortCircuit: true };
    },
  });
}

/** The files whose functions are entered while `walk` runs, in the order of their first one. */
export async function filesInOrder(walk: () => Promise<void>): Promise<string[]> {
  files.clear();
  await walk();
  return [...files];
}

function notingTransformer(file: string): ts.TransformerFactory<ts.SourceFile> {
  return ({ factory }) => {
    const note = () =>
      factory.createCallExpression(factory.createIdentifier(NOTE), undefined, [factory.createStringLiteral(file)]);
    const noting = (node: ts.Node): ts.Node => {
      const visited = ts.visitEachChild(node, noting, undefined);
      if (ts.isArrowFunction(visited) && !ts.isBlock(visited.body)) {
        const body = factory.createParenthesizedExpression(factory.createComma(note(), visited.body));
        const { modifiers, typeParameters, parameters, type, equalsGreaterThanToken } = visited;
        const arrow = [modifiers, typeParameters, parameters, type, equalsGreaterThanToken, body] as const;
        return factory.updateArrowFunction(visited, ...arrow);
      }
      if (!ts.isBlock(visited) || !ts.isFunctionLike(node.parent)) return visited;
      return factory.updateBlock(visited, [factory.createExpressionStatement(note()), ...visited.statements]);
    };
    return (source) => ts.visitEachChild(source, noting, undefined);
  };
}
