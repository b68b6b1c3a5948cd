import { readFileSync } from 'node:fs'
import ts from 'typescript-api'
import { trackedFiles } from './tracked-files'

const MAX_LINES = 80

/** Lists functions that are too long as `file:line: name has n lines`, longest first. */
export function longFunctions(): string[] {
  return trackedFiles('{src,client}/**/*.{ts,tsx}')
    .flatMap(functionsOf)
    .filter(({ lines }) => lines > MAX_LINES)
    .sort((a, b) => b.lines - a.lines)
    .map(({ at, name, lines }) => `${at}: ${name} has ${lines} lines, at most ${MAX_LINES} are allowed`)
}

type MeasuredFunction = { at: string; name: string; lines: number }

function functionsOf(file: string): MeasuredFunction[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1
  const found: MeasuredFunction[] = []
  function visit(node: ts.Node): void {
    if (isFunctionWithBody(node)) {
      const first = lineOf(node.getStart(source))
      found.push({ at: `${file}:${first}`, name: nameOf(node), lines: lineOf(node.end) - first + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

const isFunctionWithBody = (node: ts.Node): node is ts.FunctionLikeDeclaration =>
  ts.isFunctionLike(node) && 'body' in node && node.body !== undefined

function nameOf(node: ts.FunctionLikeDeclaration): string {
  if (node.name) return node.name.getText()
  const { parent } = node
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  if ((ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) && parent.initializer === node)
    return parent.name.getText()
  return ts.isCallExpression(parent) ? `callback of ${parent.expression.getText()}` : 'anonymous function'
}
