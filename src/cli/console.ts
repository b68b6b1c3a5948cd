import Table from 'cli-table3'

export type Surroundings = {
  environment: Record<string, string | undefined>
  /** Whether `err` is a terminal. */
  terminal: boolean
  out: (text: string) => void
  err: (text: string) => void
}

/** Output of a command: one result on `out`, everything else on `err`. */
export type Console = {
  /** Prints the result as JSON with --json, otherwise as the text that `view` returns. */
  show<T>(result: T, view: (result: T) => string): void
  progress(what: string, done: number, of: number): void
}

export function createConsole({ out, err, terminal }: Surroundings, json: boolean): Console {
  let last = ''
  return {
    show(result, view) {
      out(json ? `${JSON.stringify(result, null, 2)}\n` : `${view(result)}\n`)
    },
    progress(what, done, of) {
      if (json) return
      const line = `${what} ${done}/${of}`
      if (terminal) err(`\r\x1b[K${line}${done >= of ? '\n' : ''}`)
      else if (done >= of && line !== last) err(`${line}\n`)
      last = line
    },
  }
}

type Cell = string | number | boolean | null

export function table(headings: string[], rows: Cell[][], empty = 'Nothing to show.'): string {
  if (rows.length === 0) return empty
  const bare = { head: [], border: [], 'padding-left': 0, 'padding-right': 2 }
  const lines = new Table({ head: headings, style: bare, chars: NO_LINES })
  lines.push(...rows.map((row) => row.map((cell) => (cell === null ? '-' : String(cell)))))
  return lines
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

const NO_LINES = Object.fromEntries(
  [
    'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right',
    'left left-mid mid mid-mid right right-mid middle',
  ]
    .join(' ')
    .split(' ')
    .map((name) => [name, '']),
)
