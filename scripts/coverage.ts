/** What of a file some test has run: its lines that can be, and those that nobody ran. */
type Covered = { file: string; lines: number; missed: number[] }

/**
 * The lines of a folder that no test has run, a line of text for each file that has any, the worst first, below the sum. What
 * runs in processes that a test starts is not seen.
 * @param lcov as `bun test --coverage-reporter=lcov` writes it
 */
export function coverageOf(lcov: string, folder: string): string[] {
  const files = readLcov(lcov).filter(({ file }) => file.startsWith(`${folder}/`))
  const lines = files.reduce((sum, file) => sum + file.lines, 0)
  const missed = files.reduce((sum, file) => sum + file.missed.length, 0)
  if (lines === 0) return []
  return [
    `${percentage(lines - missed, lines)} of the ${lines} lines in ${folder} were run. Nobody ran:`,
    ...files
      .filter((file) => file.missed.length > 0)
      .sort((a, b) => b.missed.length / b.lines - a.missed.length / a.lines)
      .map(
        (file) =>
          `  ${file.file} (${percentage(file.lines - file.missed.length, file.lines)}): ${ranges(file.missed)}`,
      ),
  ]
}

function readLcov(text: string): Covered[] {
  return text.split('end_of_record').flatMap((record) => {
    const file = /^SF:(.*)$/m.exec(record)?.[1]
    if (!file) return []
    const counted = [...record.matchAll(/^DA:(\d+),(\d+)/gm)]
    const missed = counted.filter(([, , times]) => times === '0').map(([, line]) => Number(line))
    return [{ file, lines: counted.length, missed }]
  })
}

const percentage = (some: number, all: number) => `${((100 * some) / all).toFixed(1)} %`

/** `3-5, 9`: what follows on each other is said as one. */
function ranges(lines: number[]): string {
  const found: [number, number][] = []
  for (const line of lines) {
    const last = found.at(-1)
    if (last && last[1] === line - 1) last[1] = line
    else found.push([line, line])
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}
