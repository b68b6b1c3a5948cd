import Table from 'cli-table3'

/** Where a command runs: in a terminal, in a script, or in a test. */
export type Surroundings = {
  environment: Record<string, string | undefined>
  /** Whether a person watches what is written to `err`. */
  terminal: boolean
  out: (text: string) => void
  err: (text: string) => void
}

/** How a command speaks: one result to `out`, as JSON or as text, and whatever is not the result to `err`. */
export type Console = {
  /** The result: as it is where JSON is asked for, else what `view` makes of it. */
  show<T>(result: T, view: (result: T) => string): void
  /** Tells how far a long piece of work has come. */
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

/** Rows under their headings, in columns. */
export function table(headings: string[], rows: Cell[][], nothing = 'There is nothing to show.'): string {
  if (rows.length === 0) return nothing
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
