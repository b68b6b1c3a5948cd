/**
 * Measures habits that make English hard to read, in comments, in messages and in documents, and fails above a limit.
 * Usage: `bun scripts/prose.ts [--list]`. `--list` also prints the sentences to look at first.
 */

import { readFileSync } from 'node:fs'
import { trackedFiles } from './checks/tracked-files'

type Passage = { file: string; line: number; kind: 'comment' | 'sentence'; text: string }
type Habit = { name: string; pattern: RegExp; limit: number }
type Measure = { name: string; value: number; limit: number }

/** Limits are per 1,000 words. */
const HABITS: Habit[] = [
  { name: 'where', pattern: /\bwhere\b/g, limit: 3.5 },
  { name: 'what', pattern: /\bwhat\b/g, limit: 3 },
  { name: 'who, whom, whose', pattern: /\b(who|whoever|whom|whose)\b/g, limit: 2 },
  { name: 'nobody, somebody', pattern: /\b(nobody|somebody|everybody|anybody)\b/g, limit: 0.5 },
  { name: 'told, said, heard', pattern: /\b(told|tells|tell|said|hears?|heard)\b/g, limit: 1 },
  { name: 'stands', pattern: /\b(stands?|stood)\b/g, limit: 0.5 },
  { name: 'any more', pattern: /\b(any more|at the most|at the least)\b/g, limit: 0.2 },
  { name: 'is no', pattern: /\b(is|are|was|were) no\b/g, limit: 1 },
]
const OPENINGS =
  /^(what|who|whom|whoever|whose|of|by which|for so long|one |one's|so that|nothing but|nobody|somebody|to whom|from whom)\b/i
const MAX_OPENINGS_PERCENT = 3
const MAX_COMMENTS_PER_KLOC = 45
const MAX_LISTED = 400

const SKIPPED = /(^|\/)(node_modules|dist|meta|fixtures)\//
const TRANSLATED = /(^|\/)(it|fr|de|es)\.tsx?$/
const COUNTED_CODE = /^(?!(.*\/)?tests\/).*\.tsx?$/

const BLOCK_COMMENT = /\/\*\*?([\s\S]*?)\*\//g
const LINE_COMMENTS = /^((?:[ \t]*\/\/[^\n]*\n?)+)/gm
const SQL_COMMENTS = /^((?:[ \t]*--(?!>)[^\n]*\n?)+)/gm
const STRING = /(?:(['"`]))((?:\\.|(?!\1)[^\\\n])*)\1/g
/** A string of three words or more is a message, a label or a summary, unless it is SQL or code. */
const SENTENCE = /^[A-Z“']?[\w’'-]+( [^\s]+){2,}/
const NOT_PROSE = /SELECT|INSERT|UPDATE |::|=>|className|^\s*[.#/]/

const print = (line: string) => process.stdout.write(`${line}\n`)
const wordsOf = (text: string): number => text.split(/\s+/).filter(Boolean).length
const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length

function passagesOf(file: string, text: string): Passage[] {
  if (file.endsWith('.md')) return paragraphsOf(file, text)
  if (file.endsWith('.sql')) return commentsOf(file, text, SQL_COMMENTS, /^\s*--/gm)
  return [
    ...commentsOf(file, text, BLOCK_COMMENT, /^\s*\* ?/gm),
    ...commentsOf(file, text, LINE_COMMENTS, /^\s*\/\//gm),
    ...(TRANSLATED.test(file) ? [] : stringsOf(file, text)),
  ]
}

function commentsOf(file: string, text: string, comment: RegExp, marker: RegExp): Passage[] {
  return [...text.matchAll(comment)].flatMap(({ index, 1: body = '' }) =>
    passage({ file, line: lineAt(text, index), kind: 'comment', text: body.replace(marker, ' ') }),
  )
}

function stringsOf(file: string, text: string): Passage[] {
  return [...text.matchAll(STRING)].flatMap(({ index, 2: literal = '' }) =>
    SENTENCE.test(literal) && !NOT_PROSE.test(literal)
      ? passage({ file, line: lineAt(text, index), kind: 'sentence', text: literal })
      : [],
  )
}

/** Replaces code by one word and drops passages of one or two words. */
function passage({ text, ...rest }: Passage): Passage[] {
  const prose = text
    .replace(/```[\s\S]*?```/g, ' ')
    .replace(/`[^`]*`/g, 'x')
    .replace(/\s+/g, ' ')
    .trim()
  return wordsOf(prose) > 2 ? [{ ...rest, text: prose }] : []
}

function paragraphsOf(file: string, text: string): Passage[] {
  const withoutCode = text.replace(/```[\s\S]*?```/g, (block) => block.replace(/[^\n]/g, ' '))
  let line = 1
  return withoutCode.split(/\n(?=\n|- |\||#)/).flatMap((block) => {
    const first = line + (block.startsWith('\n') ? 1 : 0)
    line += block.split('\n').length
    const prose = block.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[|*#>-]/g, ' ')
    return passage({ file, line: first, kind: 'sentence', text: prose }).filter(
      (paragraph) => wordsOf(paragraph.text) > 3,
    )
  })
}

const opensBadly = ({ kind, text }: Passage): boolean => kind === 'comment' && OPENINGS.test(text)
const occurrences = ({ text }: Passage, { pattern }: Habit): number =>
  (text.toLowerCase().match(pattern) ?? []).length

function measuresOf(passages: Passage[], codeLines: number): Measure[] {
  const words = passages.reduce((sum, { text }) => sum + wordsOf(text), 0)
  const comments = passages.filter(({ kind }) => kind === 'comment')
  const inCode = comments.filter(({ file }) => COUNTED_CODE.test(file))
  const ratio = (count: number, all: number) => count / Math.max(1, all)
  return [
    ...HABITS.map((habit) => {
      const found = passages.reduce((sum, text) => sum + occurrences(text, habit), 0)
      return { name: habit.name, value: 1000 * ratio(found, words), limit: habit.limit }
    }),
    {
      name: 'comments that open with What, Who, Of or One, in percent',
      value: 100 * ratio(passages.filter(opensBadly).length, comments.length),
      limit: MAX_OPENINGS_PERCENT,
    },
    {
      name: 'comments per 1,000 lines of code',
      value: 1000 * ratio(inCode.length, codeLines),
      limit: MAX_COMMENTS_PER_KLOC,
    },
  ]
}

function worstOf(passages: Passage[]): Passage[] {
  const score = (text: Passage) =>
    HABITS.reduce((sum, habit) => sum + occurrences(text, habit), opensBadly(text) ? 1 : 0)
  return passages
    .map((text) => ({ text, share: score(text) / wordsOf(text.text) }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
    .slice(0, MAX_LISTED)
    .map(({ text }) => text)
}

function main(): boolean {
  const files = trackedFiles('**/*.{ts,tsx,sql,md}').filter((file) => !SKIPPED.test(file))
  const texts = files.map((file) => ({ file, text: readFileSync(file, 'utf8') }))
  const passages = texts.flatMap(({ file, text }) => passagesOf(file, text))
  const code = texts.filter(({ file }) => COUNTED_CODE.test(file))
  const codeLines = code.reduce((sum, { text }) => sum + text.split('\n').length, 0)
  const measures = measuresOf(passages, codeLines)
  for (const { name, value, limit } of measures) {
    const verdict = value > limit ? 'high' : 'ok  '
    print(`${verdict} ${value.toFixed(1).padStart(6)}  at most ${String(limit).padEnd(4)} ${name}`)
  }
  if (process.argv.includes('--list'))
    for (const { file, line, text } of worstOf(passages)) print(`${file}:${line}: ${text.slice(0, 160)}`)
  return measures.every(({ value, limit }) => value <= limit)
}

process.exitCode = main() ? 0 : 1
