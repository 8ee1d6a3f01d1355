import ts from "typescript";

const printer = ts.createPrinter({ removeComments: true });

/**
 * The declarations of a report in Markdown, by the name that users import them by, in the report's order. Overloads are
 * one declaration.
 */
export function declarations(report: string): Map<string, string> {
  const [, code = ""] = /^```ts\n([\s\S]*?)^```$/m.exec(report) ?? [];
  const file = ts.createSourceFile("report.ts", code, ts.ScriptTarget.Latest);
  const texts = new Map<string, string>();
  const add = (name: string, text: string) => texts.set(name, [texts.get(name), text].filter(Boolean).join("\n"));
  for (const statement of file.statements) {
    const text = printer.printNode(ts.EmitHint.Unspecified, statement, file);
    if (ts.isImportDeclaration(statement)) continue;
    if (ts.isExportDeclaration(statement)) renamed(statement, texts, text);
    else add(nameOf(statement), text);
  }
  return texts;
}

/** `export { A_2 as A }`: API Extractor calls a declaration so whose name is also a global's. */
function renamed({ exportClause }: ts.ExportDeclaration, texts: Map<string, string>, text: string): void {
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) throw new Error(`not a list of names: ${text}`);
  for (const { propertyName, name } of exportClause.elements) {
    const declared = propertyName?.text ?? name.text;
    texts.set(name.text, `${texts.get(declared) ?? ""}\n${text}`);
    if (declared !== name.text) texts.delete(declared);
  }
}

function nameOf(statement: ts.Statement): string {
  const declared = ts.isVariableStatement(statement) ? statement.declarationList.declarations[0] : statement;
  const { name } = declared as { readonly name?: ts.Node };
  if (name === undefined || !ts.isIdentifier(name)) throw new Error(`a declaration without a name: ${statement.kind}`);
  return name.text;
}

/** The names of what one report has and another has not, or has in another way. */
export function changedNames(before: string, after: string): string[] {
  const [old, current] = [declarations(before), declarations(after)];
  return [...new Set([...old.keys(), ...current.keys()])].filter((name) => old.get(name) !== current.get(name)).sort();
}
