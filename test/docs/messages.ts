import { globSync, readFileSync } from "node:fs";
import ts from "typescript";

/** A message that the code can make, with "…" for what is filled in. */
export interface Message {
  /** "src/errors.ts:20". */
  readonly where: string;
  readonly text: string;
}

/** What takes a message besides constructors of errors: src/errors.ts, src/schemes/parse-target.ts, src/config/ and src/node/. */
const TAKES_MESSAGE = /^(invalidCall|unavailable|connectError|by|report|failures\.set|problems\.push)$/;

/** Every message of the code, by its syntax: the first text in what is thrown, rejected with or reported. */
export function messagesIn(root: string): Message[] {
  return globSync("src/**/*.ts", { cwd: root })
    .sort()
    .flatMap((file) => {
      const source = ts.createSourceFile(file, readFileSync(`${root}/${file}`, "utf8"), ts.ScriptTarget.Latest, true);
      const messages: Message[] = [];
      const visit = (node: ts.Node): void => {
        for (const text of textsOf(node)) {
          const { line } = source.getLineAndCharacterOfPosition(node.getStart());
          messages.push({ where: `${file}:${line + 1}`, text });
        }
        ts.forEachChild(node, visit);
      };
      visit(source);
      return messages;
    });
}

function textsOf(node: ts.Node): string[] {
  if (ts.isNewExpression(node) && /Error$|^MalformedAnswer$/.test(node.expression.getText())) {
    return patternsOf(node.arguments?.[0]);
  }
  if (ts.isCallExpression(node) && TAKES_MESSAGE.test(node.expression.getText()))
    return node.arguments.flatMap((argument) => patternsOf(argument));
  // Facts that become messages: why an answer is empty, what is wrong with a value.
  if (
    (ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node)) &&
    /^(reason|problem)$/.test(node.name.getText())
  ) {
    return patternsOf(node.initializer);
  }
  return [];
}

function patternsOf(node: ts.Expression | undefined): string[] {
  if (node === undefined) return [];
  if (ts.isArrayLiteralExpression(node)) return node.elements.flatMap((element) => patternsOf(element));
  if (ts.isConditionalExpression(node)) return [...patternsOf(node.whenTrue), ...patternsOf(node.whenFalse)];
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (!ts.isTemplateExpression(node)) return [];
  return node.templateSpans.reduce(
    (texts, { expression, literal }) => {
      const choices = ts.isConditionalExpression(expression) ? patternsOf(expression) : [];
      const filledIn = choices.length > 0 ? choices : ["…"];
      return texts.flatMap((text) => filledIn.map((choice) => text + choice + literal.text));
    },
    [node.head.text],
  );
}
