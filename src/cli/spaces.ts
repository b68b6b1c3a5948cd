import path from 'node:path'
import { Argument, Option } from 'commander'
import { parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import { AppError } from '../errors'
import type { Space } from '../schemas/spaces'
import { importSpaces, SPACE_FIELDS } from '../services/catalog/import-spaces'
import { listSpaces } from '../services/catalog/spaces'
import type { Admin, Work } from './command'
import { table } from './console'
import { everyPage } from './pages'

type Format = 'csv' | 'json'

export function addSpaceCommands({ program, on }: Admin): void {
  const spaces = program.command('spaces').description('list, export and import spaces')
  const format = () => new Option('--format <format>', 'default: from the file name').choices(FORMATS)
  spaces
    .command('list')
    .description('list all spaces')
    .action(on(showSpaces))
    .addHelpText('after', '\nExample:\n  bun run admin spaces list --json\n')
  spaces
    .command('export')
    .description('write all spaces to a file or to standard output')
    .addArgument(new Argument('[file]', 'file name ending in .csv or .json'))
    .addOption(format())
    .action(on(exportSpaces))
    .addHelpText('after', '\nExample:\n  bun run admin spaces export spaces.csv\n')
  spaces
    .command('import')
    .description('create or update spaces from a file, all or none')
    .addArgument(new Argument('<file>', 'file name ending in .csv or .json, or - for standard input'))
    .addOption(format())
    .action(on(readSpaces))
    .addHelpText('after', IMPORT_HELP)
}

const FORMATS: Format[] = ['csv', 'json']

const IMPORT_HELP = `
Spaces are matched by id, otherwise by location and name. Required: name, kind, and locationId or location (a name).
Optional: ${SPACE_FIELDS.filter((field) => !['id', 'locationId', 'name', 'kind'].includes(field)).join(', ')}.
In CSV, hours and cancellation are JSON. Empty hours mean the hours of the location.

Example:
  bun run admin spaces import spaces.csv
`

const allSpaces = ({ ctx }: Work) => everyPage((page) => listSpaces(ctx, page))

async function showSpaces(work: Work): Promise<void> {
  work.console.show(await allSpaces(work), spaceTable)
}

const spaceTable = (spaces: Space[]) =>
  table(
    ['id', 'name', 'kind', 'capacity', 'units', 'slot', 'price'],
    spaces.map((space) => [
      space.id,
      space.name,
      space.kind,
      space.capacity,
      space.units,
      `${space.slotMinutes} min`,
      `${space.priceMinor} ${space.currency}`,
    ]),
    'No spaces yet.',
  )

async function exportSpaces(
  work: Work,
  file: string | undefined,
  options: { format?: Format },
): Promise<void> {
  const spaces = await allSpaces(work)
  const text = { csv: toCsv, json: toJson }[options.format ?? (file === undefined ? 'csv' : formatOf(file))](
    spaces,
  )
  if (file === undefined) work.console.show(spaces, () => text.trimEnd())
  else {
    await Bun.write(file, text)
    work.console.show({ file, spaces: spaces.length }, () => `${spaces.length} spaces written to ${file}.`)
  }
}

function formatOf(file: string): Format {
  const format = FORMATS.find((known) => path.extname(file).toLowerCase() === `.${known}`)
  if (!format)
    throw new AppError('VALIDATION', `Cannot tell the format of ${file}. Add --format csv or --format json.`)
  return format
}

const fieldsOf = (space: Space) => Object.fromEntries(SPACE_FIELDS.map((field) => [field, space[field]]))
const toJson = (spaces: Space[]) => `${JSON.stringify(spaces.map(fieldsOf), null, 2)}\n`
const toCsv = (spaces: Space[]) =>
  stringify(spaces.map(fieldsOf), {
    header: true,
    columns: SPACE_FIELDS,
    cast: { object: (value) => JSON.stringify(value) },
  })

async function readSpaces(work: Work, file: string, options: { format?: Format }): Promise<void> {
  const format = options.format ?? formatOf(file)
  const text = file === '-' ? await Bun.stdin.text() : await readFile(file)
  const rows = format === 'csv' ? fromCsv(text) : fromJson(text)
  const imported = await importSpaces(work.ctx, rows, (done, of) => work.console.progress('spaces', done, of))
  work.console.show(imported, ({ created, changed }) => `${created} spaces created, ${changed} updated.`)
}

async function readFile(file: string): Promise<string> {
  const found = Bun.file(file)
  if (!(await found.exists())) throw new AppError('NOT_FOUND', `File ${file} not found.`)
  return found.text()
}

function fromJson(text: string): unknown[] {
  try {
    return [JSON.parse(text)].flat()
  } catch (cause) {
    throw new AppError('VALIDATION', 'The file is not valid JSON.', { cause })
  }
}

/** Parses numbers and JSON by field. An empty cell omits its field, except `hours`, which becomes null. */
function fromCsv(text: string): unknown[] {
  let rows: Record<string, string>[]
  try {
    rows = parse(text, { columns: true, bom: true, skip_empty_lines: true, trim: true })
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : ''
    throw new AppError('VALIDATION', `The file is not CSV with a header line. ${detail}`, { cause })
  }
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).flatMap(([field, cell]) =>
        cell === '' ? (field === 'hours' ? [[field, null]] : []) : [[field, readCell(field, cell)]],
      ),
    ),
  )
}

const TEXTS = ['id', 'locationId', 'location', 'name', 'kind', 'currency']

function readCell(field: string, cell: string): unknown {
  if (TEXTS.includes(field)) return cell
  try {
    return JSON.parse(cell)
  } catch {
    // Validation reports it.
    return cell
  }
}
