type Covered = { file: string; lines: number; missed: number[] }

/**
 * Reports the lines of a folder that no test ran: a total, then one line per file, worst first. Processes that tests start
 * are not measured.
 * @param lcov the report of `bun test --coverage-reporter=lcov`
 */
export function coverageOf(lcov: string, folder: string): string[] {
  const files = readLcov(lcov).filter(({ file }) => file.startsWith(`${folder}/`))
  const lines = files.reduce((sum, file) => sum + file.lines, 0)
  const missed = files.reduce((sum, file) => sum + file.missed.length, 0)
  if (lines === 0) return []
  return [
    `Tests ran ${percentage(lines - missed, lines)} of the ${lines} lines in ${folder}. Not run:`,
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

/** Formats line numbers as ranges: `3-5, 9`. */
function ranges(lines: number[]): string {
  const found: [number, number][] = []
  for (const line of lines) {
    const last = found.at(-1)
    if (last && last[1] === line - 1) last[1] = line
    else found.push([line, line])
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}
